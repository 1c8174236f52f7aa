import type { Command } from 'commander';
import { type Output, outputOption } from '../../output-option.ts';
import { printJson, say } from '../../print.ts';

type Options = Output & { kms?: string };

export function keyringAddCommand(keyring: Command): void {
  keyring
    .command('add')
    .description('make a new key; it only opens until it is activated')
    .option('--kms <key>', 'a data key of AWS KMS, kept wrapped: id, ARN or alias of the KMS key')
    .addOption(outputOption())
    .addHelpText('after', '\nExamples:\n  $ keyturn keyring add\n  $ keyturn keyring add --kms alias/keyturn\n')
    .action(async ({ kms, output }: Options) => {
      const { existsSync } = await import('node:fs');
      const { withKey } = await import('../../../keyring/keyring-changes.ts');
      const file = await import('../../../keyring/keyring-file.ts');
      const { makeWrappedKey } = await import('../../../keyring/kms-keyring.ts');
      const { fault } = await import('../../../errors/keyturn-error.ts');
      const { keyringHere, requireFile } = await import('./keyring-here.ts');
      const here = await keyringHere();
      requireFile(here);
      const isFirst = file.readKeyringFile(here.file) === undefined;
      // A vault without its keyring: the keyring was lost, and a new one would not open it.
      if (isFirst && existsSync(here.vaultFile)) throw fault('KEYTURN_KEYRING_MISSING', here.file);

      const id = file.newKeyId();
      const key = kms === undefined ? file.newPlainKey() : await makeWrappedKey(kms, id);
      if (isFirst) file.makeKeyringFile(here.file, file.keyringOfOne(id, key, new Date()));
      else file.changeKeyringFile(here.file, (content) => withKey(content, id, key, new Date()));
      const active = file.readKeyringFile(here.file)?.content.activeId === id;

      if (output === 'json') return printJson({ id, active, kms: typeof key === 'object' ? key.kms : null });
      say(
        active
          ? `There was no keyring: it is made, with ${id} as its active key.`
          : `Key ${id} is added; it opens, and seals once it is active: keyturn keyring activate ${id}.`,
      );
    });
}
