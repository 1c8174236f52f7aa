import type { Command } from 'commander';
import { type Output, outputOption } from '../../output-option.ts';
import { note, printJson, say } from '../../print.ts';

type Options = Output & { replace?: boolean; baseUrl?: string; requestsPerSecond?: number };

export function connectionAddCommand(connection: Command): void {
  connection
    .command('add')
    .description('keep a management key, sealed; it is read from standard input or asked for, never an argument')
    .argument('<name>', 'what policies will call it')
    .option('--replace', 'take the place of the one that is there')
    .option('--base-url <url>', "another address than OpenRouter's, a simulator for example")
    .option('--requests-per-second <number>', 'pace of all workers together, such as 0.5 (default: 1)', Number)
    .addOption(outputOption())
    .addHelpText(
      'after',
      '\nExamples:\n  $ keyturn connection add main < management-key.txt\n  $ pass openrouter | keyturn connection add main --replace\n',
    )
    .action(async (name: string, { replace = false, baseUrl, requestsPerSecond, output }: Options) => {
      const { connectionsHere } = await import('../../connections-here.ts');
      const { checkNamed } = await import('../../check-named.ts');
      const { managementKeyForm } = await import('../../connection-form.ts');
      const { fault } = await import('../../../errors/keyturn-error.ts');
      const connections = await connectionsHere();
      const managementKey = managementKeyForm(name, await typedKey(), { baseUrl, requestsPerSecond });
      const known = await connections.list();
      if (!replace && known.some((one) => one.name === name)) throw fault('KEYTURN_CONNECTION_EXISTS', name);
      const at = baseUrl === undefined ? {} : { baseUrl };

      // Asked before it is kept: a wrong key must not take the place of a right one.
      const checked = await checkNamed({ name, managementKey, ...at });
      if (checked.state === 'not-a-key') throw fault('KEYTURN_CONNECTION_REFUSED', name);
      if (checked.state === 'not-a-management-key') throw fault('KEYTURN_CONNECTION_NOT_MANAGEMENT', name);
      const pace = requestsPerSecond === undefined ? {} : { requestsPerSecond };
      await connections.add(name, { managementKey, replace, ...at, ...pace });

      const { checkText } = await import('../../show/check-text.ts');
      if (output === 'json') return printJson({ name, ...checked });
      say(`Connection ${name} is kept.`);
      note(checkText(checked));
    });
}

async function typedKey(): Promise<string> {
  const { askHidden } = await import('../../person.ts');
  const { text } = await import('node:stream/consumers');
  return process.stdin.isTTY ? await askHidden('Management key (not shown): ') : await text(process.stdin);
}
