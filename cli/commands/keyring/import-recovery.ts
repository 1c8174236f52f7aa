import type { Command } from 'commander';
import { type Output, outputOption } from '../../output-option.ts';
import { printJson, say } from '../../print.ts';

export function keyringImportCommand(keyring: Command): void {
  keyring
    .command('import-recovery')
    .description('put back a keyring from its copy; where one is there, its missing keys are added')
    .argument('<file>', 'made by keyring export-recovery')
    .addOption(outputOption())
    .addHelpText('after', '\nExample:\n  $ keyturn keyring import-recovery keyring-recovery.json\n')
    .action(async (file: string, { output }: Output) => {
      const { readFileSync } = await import('node:fs');
      const { merged } = await import('../../../keyring/keyring-changes.ts');
      const { changeKeyringFile, makeKeyringFile, readKeyringFile } = await import('../../../keyring/keyring-file.ts');
      const { recoveredFrom } = await import('../../../keyring/keyring-recovery.ts');
      const { fault } = await import('../../../errors/keyturn-error.ts');
      const { keyringHere, requireFile } = await import('./keyring-here.ts');
      const { typedPassphrase } = await import('./passphrase.ts');
      const here = await keyringHere();
      requireFile(here);
      let text: string;
      try {
        text = readFileSync(file, 'utf8');
      } catch (error) {
        throw fault('KEYTURN_FILE_UNREADABLE', file, String((error as NodeJS.ErrnoException).code));
      }
      const recovered = await recoveredFrom(file, text, await typedPassphrase());
      makeKeyringFile(here.file, recovered);
      changeKeyringFile(here.file, (held) => merged(held, recovered));
      const activeId = String(readKeyringFile(here.file)?.content.activeId);
      const keys = Object.keys(recovered.keys);
      if (output === 'json') return printJson({ file: here.file, keys, activeId });
      say(`${here.file} has ${keys.join(', ')}; ${activeId} is active.`);
    });
}
