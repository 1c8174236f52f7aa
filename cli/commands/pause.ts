import type { Command } from 'commander';
import { type Output, outputOption } from '../output-option.ts';
import { printJson, say } from '../print.ts';

type Options = Output & { reason?: string };

export function pauseCommand(program: Command): void {
  program
    .command('pause')
    .description('stop scheduled rotations of a policy; a rotation that is under way ends')
    .argument('<name>', 'the policy')
    .option('--reason <text>', 'why; shown by status')
    .addOption(outputOption())
    .addHelpText('after', '\nExample:\n  $ keyturn pause checkout --reason "release week"\n')
    .action(async (name: string, { output, reason }: Options) => {
      const { withKeyturn } = await import('../with-keyturn.ts');
      await withKeyturn((keyturn) => keyturn.pause(name, reason === undefined ? {} : { reason }));
      if (output === 'json') return printJson({ name, paused: true });
      say(`${name} is paused: no scheduled rotation starts until keyturn resume ${name}.`);
    });
}
