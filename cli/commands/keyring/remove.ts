import type { Command } from 'commander';
import { type Output, outputOption } from '../../output-option.ts';
import { printJson, say } from '../../print.ts';

type Options = Output & { refresh?: boolean };

/** More names than this help nobody. */
const namesShown = 10;

export function keyringRemoveCommand(keyring: Command): void {
  keyring
    .command('remove')
    .description('remove a key for ever; refused while the vault or a policy still needs it')
    .argument('<id>', 'a key that is not active')
    .option('--refresh', 'first have the policies that need it move on to the active key, and wait for them')
    .addOption(outputOption())
    .addHelpText('after', '\nExample:\n  $ keyturn keyring remove k1a2b3c4 --refresh\n')
    .action(async (id: string, { output, refresh = false }: Options) => {
      const { withoutKey } = await import('../../../keyring/keyring-changes.ts');
      const { changeKeyringFile } = await import('../../../keyring/keyring-file.ts');
      const { fault } = await import('../../../errors/keyturn-error.ts');
      const { keyringHere, openHere, requireFile, vaultRows } = await import('./keyring-here.ts');
      const { refreshShown } = await import('../../refresh-shown.ts');
      const { policiesThatNeed } = await import('../../../client/policies-by-key.ts');
      const { withTemporal } = await import('../../with-temporal.ts');
      const here = await keyringHere();
      requireFile(here);
      const { content, keyring: keys } = await openHere(here);
      // Before anything is searched: it may be refused already. And before anything is refreshed: by the time that this
      // lets through, no worker seals with the key any more, a new run of a policy least of all.
      withoutKey(content, id, new Date());

      const { policies, refreshed } = await withTemporal({ keyring: keys }, (temporal) =>
        policiesThatNeed(temporal, keys, id, refresh ? (watched) => refreshShown(temporal, watched, output) : null),
      );
      const rows = (await vaultRows(here)).filter(({ keyId }) => keyId === id).map(({ named }) => named);
      const needs = [
        ...(rows.length === 0
          ? []
          : [`in the vault by ${some(rows)} (keyturn keyring activate ${content.activeId} seals them anew)`]),
        ...(policies.length === 0 ? [] : [`in Temporal by ${some(policies)} (${remedy(id, refresh)})`]),
      ];
      if (needs.length > 0) throw fault('KEYTURN_KEYRING_KEY_NEEDED', id, needs.join('; '));

      changeKeyringFile(here.file, (now) => withoutKey(now, id, new Date()));
      if (output === 'json') return printJson({ id, removed: true, refreshed });
      if (refreshed.length > 0) say(`Moved on to ${content.activeId}: ${some(refreshed)}.`);
      say(`Key ${id} is gone. Closed runs that Temporal still keeps of its time can no longer be read.`);
    });
}

function remedy(id: string, refreshed: boolean): string {
  return refreshed
    ? 'they were told to move on, and do so once a worker runs and a rotation that is under way has ended'
    : `keyturn keyring remove ${id} --refresh has them move on to the active key first`;
}

function some(names: readonly string[]): string {
  const more = names.length - namesShown;
  return `${names.slice(0, namesShown).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}
