import type { Command } from 'commander';
import { type Output, outputOption } from '../../output-option.ts';
import { printJson, say } from '../../print.ts';

export function connectionCheckCommand(connection: Command): void {
  connection
    .command('check')
    .description('ask OpenRouter what a connection is good for; changes nothing, exit 1 unless it is fine')
    .argument('<name>', 'the connection')
    .addOption(outputOption())
    .addHelpText('after', '\nExample:\n  $ keyturn connection check main\n')
    .action(async (name: string, { output }: Output) => {
      const { connectionsHere } = await import('../../connections-here.ts');
      const { checkNamed } = await import('../../check-named.ts');
      const { checkText } = await import('../../show/check-text.ts');
      const connections = await connectionsHere();
      const checked = await checkNamed(await connections.get(name));
      if (output === 'json') printJson({ name, ...checked });
      else say(`${name}: ${checkText(checked)}`);
      if (checked.state !== 'fine') process.exitCode = 1;
    });
}
