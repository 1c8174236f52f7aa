import type { Command } from 'commander';
import { connectionAddCommand } from './add.ts';
import { connectionCheckCommand } from './check.ts';
import { connectionListCommand } from './list.ts';
import { connectionRemoveCommand } from './remove.ts';

export function connectionCommand(program: Command): void {
  const connection = program
    .command('connection')
    .description('the OpenRouter management keys that policies use, each under a name')
    .addHelpText('after', '\nExample:\n  $ keyturn connection add main < management-key.txt\n');
  connectionAddCommand(connection);
  connectionCheckCommand(connection);
  connectionListCommand(connection);
  connectionRemoveCommand(connection);
}
