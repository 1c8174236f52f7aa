import type { Command } from 'commander';
import type { ListedKey } from '../../../keyring/listed-keys.ts';
import { type Output, outputOption } from '../../output-option.ts';
import { note, print, printJson } from '../../print.ts';

/** The rest is shown without Temporal too. */
const connectTimeoutMs = 3_000;

export function keyringListCommand(keyring: Command): void {
  keyring
    .command('list')
    .description('list the keys of the keyring and what still needs each; never the keys themselves')
    .addOption(outputOption())
    .addHelpText('after', '\nExample:\n  $ keyturn keyring list\n')
    .action(async ({ output }: Output) => {
      const { keyringHere, openHere, vaultRows } = await import('./keyring-here.ts');
      const { listedKeys } = await import('../../../keyring/listed-keys.ts');
      const { policiesByKey } = await import('../../../client/policies-by-key.ts');
      const { withTemporal } = await import('../../with-temporal.ts');
      const here = await keyringHere();
      const { source, content, keyring: keys } = await openHere(here);
      const rows = await orNull('the vault', vaultRows(here));
      const policies = await orNull(
        'what policies need',
        withTemporal({ keyring: keys, connectTimeoutMs }, (temporal) => policiesByKey(temporal, keys)),
      );
      const listed = listedKeys(source, content, rows, policies);
      if (output === 'json') return printJson(listed);
      const { table } = await import('../../show/layout.ts');
      const head = ['KEY', 'STATE', 'KEPT IN', 'MADE (UTC)', 'NEEDED BY'];
      print(table([head, ...listed.map(cells)]).join('\n'));
    });
}

function cells({ id, active, keptIn, kms, madeAt, vaultRows, policies }: ListedKey): string[] {
  const state = active ? 'active' : keptIn === null ? 'missing' : 'opens';
  const where = kms === null ? (keptIn ?? '–') : `${keptIn}, KMS ${kms.split(':').at(-1)}`;
  const needs = [
    vaultRows === null ? 'vault: not known' : counted(vaultRows, 'vault value'),
    policies === null ? 'policies: not known' : counted(policies.length, 'policy', 'policies'),
  ].filter((need) => need !== '');
  return [id, state, where, madeAt?.slice(0, 16).replace('T', ' ') ?? '–', needs.join(', ') || 'nothing'];
}

function counted(count: number, one: string, many = `${one}s`): string {
  return count === 0 ? '' : `${count} ${count === 1 ? one : many}`;
}

/** A part that cannot be told does not keep the rest from being shown: this is what one looks at when something broke. */
async function orNull<Value>(what: string, asked: Promise<Value>): Promise<Value | null> {
  const { KeyturnError } = await import('../../../errors/keyturn-error.ts');
  try {
    return await asked;
  } catch (error) {
    if (!(error instanceof KeyturnError)) throw error;
    note(`Not known: ${what}. ${error.message}`);
    return null;
  }
}
