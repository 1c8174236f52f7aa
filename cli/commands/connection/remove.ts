import type { Command } from 'commander';
import { type Output, outputOption } from '../../output-option.ts';
import { printJson, say } from '../../print.ts';

export function connectionRemoveCommand(connection: Command): void {
  connection
    .command('remove')
    .description('forget a management key of the vault; policies that use it fail until it is added again')
    .argument('<name>', 'the connection')
    .addOption(outputOption())
    .addHelpText('after', '\nExample:\n  $ keyturn connection remove old\n')
    .action(async (name: string, { output }: Output) => {
      const { connectionsHere } = await import('../../connections-here.ts');
      await (await connectionsHere()).remove(name);
      if (output === 'json') return printJson({ name, removed: true });
      say(`Connection ${name} is removed; the key itself goes on existing in OpenRouter.`);
    });
}
