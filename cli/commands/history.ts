import type { Command } from 'commander';
import { type Output, outputOption } from '../output-option.ts';
import { print, printJson } from '../print.ts';

export function historyCommand(program: Command): void {
  program
    .command('history')
    .description('show what happened to a policy, oldest first: the last 30 events')
    .argument('<name>', 'the policy')
    .addOption(outputOption())
    .addHelpText('after', '\nExample:\n  $ keyturn history checkout\n')
    .action(async (name: string, { output }: Output) => {
      const { withKeyturn } = await import('../with-keyturn.ts');
      const happenings = await withKeyturn((keyturn) => keyturn.history(name));
      if (output === 'json') return printJson(happenings);
      const { historyText } = await import('../show/history-text.ts');
      print(historyText(happenings));
    });
}
