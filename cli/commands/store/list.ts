import type { Command } from 'commander';
import { type Output, outputOption } from '../../output-option.ts';
import { note, print, printJson } from '../../print.ts';

export function storeListCommand(store: Command): void {
  store
    .command('list')
    .description('list the stores: kinds, what each can keep, and which policies write to it')
    .addOption(outputOption())
    .addHelpText('after', '\nExample:\n  $ keyturn store list\n')
    .action(async ({ output }: Output) => {
      const { storesHere } = await import('../../stores-here.ts');
      const { policiesByStore } = await import('../../places-in-use.ts');
      const { promiseWords, followWords } = await import('../../show/promise-words.ts');
      const used = await policiesByStore();
      const stores = (await storesHere()).known.map(({ name, kind, promises }) => {
        return { name, kind, promises, policies: used === null ? null : (used.get(name) ?? []) };
      });
      if (output === 'json') return printJson(stores);
      const { beside, table, width, wrapped } = await import('../../show/layout.ts');
      const rows = stores.map(({ name, kind, policies }) => [name, kind, policies?.join(', ') || '-']);
      print(table([['STORE', 'KIND', 'POLICIES'], ...rows]).join('\n'));
      for (const { name, promises } of stores) {
        const words = `${promiseWords(promises)}; applications follow ${followWords(promises.readersFollow)}`;
        print(['', ...beside(name, 12, wrapped(words, width - 12))].join('\n'));
      }
      if (used === null) note('Temporal or a worker cannot be reached: which policies use them is not known.');
    });
}
