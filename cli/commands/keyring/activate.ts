import type { Command } from 'commander';
import { type Output, outputOption } from '../../output-option.ts';
import { note, printJson, say } from '../../print.ts';

export function keyringActivateCommand(keyring: Command): void {
  keyring
    .command('activate')
    .description('seal with this key from now on, and the whole vault at once; again ends what was interrupted')
    .argument('<id>', 'a key that keyring add has made')
    .addOption(outputOption())
    .addHelpText('after', '\nExample:\n  $ keyturn keyring activate k1a2b3c4\n')
    .action(async (id: string, { output }: Output) => {
      const { activateKey } = await import('../../../keyring/activate-key.ts');
      const { requireKey } = await import('../../../keyring/keyring-changes.ts');
      const { fault } = await import('../../../errors/keyturn-error.ts');
      const { keyringHere, openHere, requireFile, sealVaultAnew } = await import('./keyring-here.ts');
      const here = await keyringHere();
      // Opened first: a key that cannot be unwrapped must not become the active one.
      const { content } = await openHere(here);
      requireKey(content, id);
      if (content.activeId !== id) {
        requireFile(here);
        const waiting = () => note('Waiting until every running worker has unwrapped the new key …');
        await activateKey(here.file, content, id, waiting);
        note(`Key ${id} is active.`);
      }

      const { sealed, left } = await sealVaultAnew(here);
      if (left.length > 0) throw fault('KEYTURN_SEAL_BROKEN', `it is left as it is: ${left.join(', ')}`);
      if (output === 'json') return printJson({ id, active: true, sealedAnew: sealed });
      say(`Everything in the vault is sealed with ${id}; ${sealed} values were sealed anew.`);
    });
}
