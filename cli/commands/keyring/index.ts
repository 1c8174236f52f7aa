import type { Command } from 'commander';
import { keyringActivateCommand } from './activate.ts';
import { keyringAddCommand } from './add.ts';
import { keyringExportCommand } from './export-recovery.ts';
import { keyringImportCommand } from './import-recovery.ts';
import { keyringListCommand } from './list.ts';
import { keyringRemoveCommand } from './remove.ts';

export function keyringCommand(program: Command): void {
  const keyring = program
    .command('keyring')
    .description('the keys that the vault and everything in Temporal are sealed with')
    .addHelpText('after', '\nExample:\n  $ keyturn keyring list\n');
  keyringListCommand(keyring);
  keyringAddCommand(keyring);
  keyringActivateCommand(keyring);
  keyringRemoveCommand(keyring);
  keyringExportCommand(keyring);
  keyringImportCommand(keyring);
}
