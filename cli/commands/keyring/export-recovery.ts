import type { Command } from 'commander';
import { type Output, outputOption } from '../../output-option.ts';
import { printJson, say } from '../../print.ts';

export function keyringExportCommand(keyring: Command): void {
  keyring
    .command('export-recovery')
    .description('write a copy of the keyring that a passphrase opens; it is asked for or read from standard input')
    .argument('<file>', 'a new file; keep it away from this machine')
    .addOption(outputOption())
    .addHelpText('after', '\nExample:\n  $ keyturn keyring export-recovery keyring-recovery.json\n')
    .action(async (file: string, { output }: Output) => {
      const { existsSync, writeFileSync } = await import('node:fs');
      const { recoveryTextOf } = await import('../../../keyring/keyring-recovery.ts');
      const { readKeyring } = await import('../../../keyring/keyring-source.ts');
      const { fault } = await import('../../../errors/keyturn-error.ts');
      const { keyringHere } = await import('./keyring-here.ts');
      const { newPassphrase } = await import('./passphrase.ts');
      const { content } = await readKeyring(await keyringHere());
      if (existsSync(file)) throw fault('KEYTURN_USAGE', `${file} is there already; it is not overwritten.`);
      const text = await recoveryTextOf(content, await newPassphrase());
      try {
        writeFileSync(file, text, { flag: 'wx', mode: 0o600, flush: true });
      } catch (error) {
        throw fault('KEYTURN_USAGE', `${file} cannot be written (${(error as NodeJS.ErrnoException).code}).`);
      }
      const keys = Object.keys(content.keys);
      if (output === 'json') return printJson({ file, keys });
      say(`${file} holds ${keys.join(', ')}, encrypted. Keep it and its passphrase apart, and away from this machine.`);
    });
}
