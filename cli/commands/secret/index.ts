import type { Command } from 'commander';
import { secretGetCommand } from './get.ts';

export function secretCommand(program: Command): void {
  const secret = program
    .command('secret')
    .description('the secrets in the vault of this machine')
    .addHelpText('after', '\nExample:\n  $ keyturn secret get checkout\n');
  secretGetCommand(secret);
}
