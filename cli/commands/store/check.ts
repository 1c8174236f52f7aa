import type { Command } from 'commander';
import type { StoreCheck } from '../../../stores/store.ts';
import { type Output, outputOption } from '../../output-option.ts';
import { note, printJson, say } from '../../print.ts';

type Options = Output & { field?: string; policy?: string };
type Checked = { name: string; field: string | null } & (StoreCheck | { error: { code: string; message: string } });

export function storeCheckCommand(store: Command): void {
  store
    .command('check')
    .description('ask whether a store could be written, and name each right that is missing; changes nothing')
    .argument('<store>', 'the store, as keyturn.yaml names it')
    .argument('[secret]', 'what the store calls the secret; left out: every place there that a policy writes')
    .option('--field <field>', 'one field of several that the secret holds')
    .option('--policy <name>', 'the policy that would write it', '')
    .addOption(outputOption())
    .addHelpText('after', '\nExample:\n  $ keyturn store check aws prod/checkout --field openrouterKey\n')
    .action(async (name: string, secret: string | undefined, { field, policy = '', output }: Options) => {
      const { storesHere } = await import('../../stores-here.ts');
      const { environmentNotes } = await import('../../../secrets/environment-notes.ts');
      const { stores } = await storesHere();
      const opened = await stores.get(name);
      const spots = secret === undefined ? await spotsInUse(name) : [{ name: secret, field: field ?? null, policy }];
      if (spots.length === 0)
        return note(`No policy writes to ${name}; say which secret: keyturn store check ${name} SECRET`);
      const checked: Checked[] = [];
      for (const { policy: of, ...spot } of spots) {
        checked.push({ ...spot, ...(await opened.check(spot, of).catch(failed)) });
      }
      const notes = environmentNotes(process.env);
      if (output === 'json') printJson({ store: name, places: checked, notes });
      else for (const one of checked) show(name, one);
      if (output !== 'json') for (const one of notes) note(one);
      if (!checked.every(isFine)) process.exitCode = 1;
      await stores.close();
    });
}

async function spotsInUse(store: string) {
  const { placesInUse } = await import('../../places-in-use.ts');
  return (await placesInUse()).filter((place) => place.store === store);
}

function failed(error: unknown): { error: { code: string; message: string } } {
  const { code, message } = error as { code?: string; message: string };
  if (code?.startsWith('KEYTURN_') !== true) throw error;
  return { error: { code, message } };
}

function isFine(checked: Checked): boolean {
  if ('error' in checked) return false;
  return checked.refusal === null && checked.rights.every(({ granted }) => granted !== false);
}

const marks = new Map([
  [true, '✔'],
  [false, '✘'],
  [null, '?'],
]);

function show(store: string, checked: Checked): void {
  const where = `${store} ${checked.name}${checked.field === null ? '' : ` (${checked.field})`}`;
  say(`${where}: ${isFine(checked) ? 'fine' : 'not fine'}`);
  if ('error' in checked) {
    say(`  ✘ ${checked.error.message}`);
    return;
  }
  for (const { right, to, granted } of checked.rights) say(`  ${marks.get(granted)} ${right}, to ${to}`);
  if (checked.refusal !== null) say(`  ✘ ${checked.refusal}`);
  for (const warning of checked.warnings) say(`  ! ${warning}`);
}
