import type { Command } from 'commander';
import { type Output, outputOption } from '../../output-option.ts';
import { note, printJson, say } from '../../print.ts';

/** By then every running worker has looked into the file (1 s) and KMS has unwrapped the key for it. */
const knownEverywhereMs = 5_000;

export function keyringActivateCommand(keyring: Command): void {
  keyring
    .command('activate')
    .description('seal with this key from now on, and the whole vault at once; again ends what was interrupted')
    .argument('<id>', 'a key that keyring add has made')
    .addOption(outputOption())
    .addHelpText('after', '\nExample:\n  $ keyturn keyring activate k1a2b3c4\n')
    .action(async (id: string, { output }: Output) => {
      const { setTimeout: sleep } = await import('node:timers/promises');
      const { requireKey, withActive } = await import('../../../keyring/keyring-changes.ts');
      const { changeKeyringFile } = await import('../../../keyring/keyring-file.ts');
      const { fault } = await import('../../../errors/keyturn-error.ts');
      const { keyringHere, openHere, requireFile, sealVaultAnew } = await import('./keyring-here.ts');
      const here = keyringHere();
      // Opened first: a key that cannot be unwrapped must not become the active one.
      const { content } = await openHere(here);
      const key = requireKey(content, id);
      if (content.activeId !== id) {
        requireFile(here);
        // A plain key is read the moment it is missed. KMS has to be asked for a wrapped one, so it must be known before.
        const ageMs = Date.now() - Date.parse(content.madeAt[id] ?? '');
        if (typeof key === 'object' && ageMs < knownEverywhereMs) {
          note('Waiting until every running worker has unwrapped the new key …');
          await sleep(knownEverywhereMs - ageMs);
        }
        changeKeyringFile(here.file, (now) => withActive(now, id, new Date()));
        note(`Key ${id} is active.`);
      }

      const { sealed, left } = await sealVaultAnew(here);
      if (left.length > 0) throw fault('KEYTURN_SEAL_BROKEN', `it is left as it is: ${left.join(', ')}`);
      if (output === 'json') return printJson({ id, active: true, sealedAnew: sealed });
      say(`Everything in the vault is sealed with ${id}; ${sealed} values were sealed anew.`);
    });
}
