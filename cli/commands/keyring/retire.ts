import type { Command } from 'commander';
import type { Temporal } from '../../../client/temporal.ts';
import type { Keyring } from '../../../codec/keyring.ts';
import { type Output, outputOption } from '../../output-option.ts';
import { note, printJson, say } from '../../print.ts';

type Options = Output & { refresh?: boolean };

/** More names than this help nobody. */
const namesShown = 10;

export function keyringRetireCommand(keyring: Command): void {
  keyring
    .command('retire')
    .description('remove a key for ever; refused while the vault or a policy still needs it')
    .argument('<id>', 'a key that is not active')
    .option('--refresh', 'first have the policies that need it move on to the active key, and wait for them')
    .addOption(outputOption())
    .addHelpText('after', '\nExample:\n  $ keyturn keyring retire k1a2b3c4 --refresh\n')
    .action(async (id: string, { output, refresh = false }: Options) => {
      const { withoutKey } = await import('../../../codec/keyring-changes.ts');
      const { changeKeyringFile } = await import('../../../codec/keyring-file.ts');
      const { fault } = await import('../../../errors/keyturn-error.ts');
      const { keyringHere, openHere, requireFile, vaultRows } = await import('./keyring-here.ts');
      const { policiesByKey } = await import('./policies-by-key.ts');
      const { withTemporal } = await import('./with-temporal.ts');
      const here = keyringHere();
      requireFile(here);
      const { content, keyring: keys } = await openHere(here);
      // Before anything is searched: it may be refused already. And before anything is refreshed: by the time that this
      // lets through, no worker seals with the key any more, a new run of a policy least of all.
      withoutKey(content, id, new Date());

      const { policies, refreshed } = await withTemporal({ keyring: keys }, async (temporal) => {
        const search = async () => (await policiesByKey(temporal, keys)).get(id) ?? [];
        const found = await search();
        if (!refresh || found.length === 0) return { policies: found, refreshed: [] };
        const left = await refreshShown(temporal, keys, id, found, output);
        return { policies: left.length > 0 ? left : await search(), refreshed: found };
      });
      const rows = (await vaultRows(here)).filter(({ keyId }) => keyId === id).map(({ named }) => named);
      const needs = [
        ...(rows.length === 0
          ? []
          : [`in the vault by ${some(rows)} (keyturn keyring activate ${content.activeId} seals them anew)`]),
        ...(policies.length === 0 ? [] : [`in Temporal by ${some(policies)} (${remedy(id, refresh)})`]),
      ];
      if (needs.length > 0) throw fault('KEYTURN_KEYRING_KEY_NEEDED', id, needs.join('; '));

      changeKeyringFile(here.file, (now) => withoutKey(now, id, new Date()));
      if (output === 'json') return printJson({ id, retired: true, refreshed });
      if (refreshed.length > 0) say(`Moved on to ${content.activeId}: ${some(refreshed)}.`);
      say(`Key ${id} is gone. Closed runs that Temporal still keeps of its time can no longer be read.`);
    });
}

/** Who waits is told for what. */
async function refreshShown(
  temporal: Temporal,
  keyring: Keyring,
  keyId: string,
  policies: string[],
  output: Output['output'],
): Promise<string[]> {
  const { transientLine } = await import('../../transient-line.ts');
  const { patienceMs, refreshPolicies } = await import('./refresh-policies.ts');
  const isTerminal = process.stdout.isTTY === true;
  const line = transientLine(output === 'text' && isTerminal, '');
  let left = policies.length;
  const patience = `up to ${patienceMs / 1000} s for each next one`;
  if (output === 'text' && !isTerminal) note(`Waiting until policies have moved on, ${patience} …`);
  line.show(() => `… ${policies.length - left} of ${policies.length} policies have moved on; ${patience}`);
  try {
    return await refreshPolicies(temporal, { keyring, keyId, policies, onLook: (still) => (left = still) });
  } finally {
    line.clear();
  }
}

function remedy(id: string, refreshed: boolean): string {
  return refreshed
    ? 'they were told to move on, and do so once a worker runs and a rotation that is under way has ended'
    : `keyturn keyring retire ${id} --refresh has them move on to the active key first`;
}

function some(names: readonly string[]): string {
  const more = names.length - namesShown;
  return `${names.slice(0, namesShown).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}
