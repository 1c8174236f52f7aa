import type { Command } from 'commander';
import { type Output, outputOption } from '../output-option.ts';
import { print, printJson } from '../print.ts';

export function statusCommand(program: Command): void {
  program
    .command('status')
    .description('show a policy: its state and why, what comes next, its keys and stores')
    .argument('<name>', 'the policy')
    .addOption(outputOption())
    .addHelpText('after', '\nExample:\n  $ keyturn status checkout\n')
    .action(async (name: string, { output }: Output) => {
      const { withKeyturn } = await import('../with-keyturn.ts');
      const status = await withKeyturn((keyturn) => keyturn.status(name));
      if (output === 'json') return printJson(status);
      const { statusText } = await import('../show/status-text.ts');
      print(statusText(status, Date.now()));
    });
}
