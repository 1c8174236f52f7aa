import type { Command } from 'commander';
import { type Output, outputOption } from '../../output-option.ts';
import { print, printJson } from '../../print.ts';

/** More names than this help nobody. */
const namesShown = 10;

export function keyringRetireCommand(keyring: Command): void {
  keyring
    .command('retire')
    .description('remove a key for ever; refused while the vault or a policy still needs it')
    .argument('<id>', 'a key that is not active')
    .addOption(outputOption())
    .addHelpText('after', '\nExample:\n  $ keyturn keyring retire k1a2b3c4\n')
    .action(async (id: string, { output }: Output) => {
      const { withoutKey } = await import('../../../codec/keyring-changes.ts');
      const { changeKeyringFile } = await import('../../../codec/keyring-file.ts');
      const { fault } = await import('../../../errors/keyturn-error.ts');
      const { keyringHere, openHere, requireFile, vaultRows } = await import('./keyring-here.ts');
      const { policiesByKey } = await import('./policies-by-key.ts');
      const { withTemporal } = await import('./with-temporal.ts');
      const here = keyringHere();
      requireFile(here);
      const { content, keyring: keys } = await openHere(here);
      // Before anything is searched: it may be refused already.
      withoutKey(content, id, new Date());

      const rows = (await vaultRows(here)).filter(({ keyId }) => keyId === id).map(({ named }) => named);
      const policies =
        (await withTemporal({ keyring: keys }, (temporal) => policiesByKey(temporal, keys))).get(id) ?? [];
      const needs = [
        ...(rows.length === 0
          ? []
          : [`in the vault by ${some(rows)} (keyturn keyring activate ${content.activeId} seals them anew)`]),
        ...(policies.length === 0
          ? []
          : [
              `in Temporal by ${some(policies)} (a policy moves on with its next cycle, keyturn rotate NAME begins one)`,
            ]),
      ];
      if (needs.length > 0) throw fault('KEYTURN_KEYRING_KEY_NEEDED', id, needs.join('; '));

      changeKeyringFile(here.file, (now) => withoutKey(now, id, new Date()));
      if (output === 'json') return printJson({ id, retired: true });
      print(`Key ${id} is gone. Closed runs that Temporal still keeps of its time can no longer be read.`);
    });
}

function some(names: readonly string[]): string {
  const more = names.length - namesShown;
  return `${names.slice(0, namesShown).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}
