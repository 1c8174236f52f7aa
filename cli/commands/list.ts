import type { Command } from 'commander';
import { type Output, outputOption } from '../output-option.ts';
import { note, print, printJson } from '../print.ts';

export function listCommand(program: Command): void {
  program
    .command('list')
    .description('list every policy; needs no worker')
    .addOption(outputOption())
    .addHelpText('after', '\nExample:\n  $ keyturn list\n')
    .action(async ({ output }: Output) => {
      const { withKeyturn } = await import('../with-keyturn.ts');
      const policies = await withKeyturn((keyturn) => keyturn.list());
      if (output === 'json') return printJson(policies);
      if (policies.length === 0) return note('No policies yet: keyturn apply -f FILE makes one.');
      const { listText } = await import('../show/list-text.ts');
      print(listText(policies, Date.now()));
    });
}
