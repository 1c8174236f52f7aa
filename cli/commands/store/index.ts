import type { Command } from 'commander';
import { storeCheckCommand } from './check.ts';
import { storeListCommand } from './list.ts';

export function storeCommand(program: Command): void {
  const store = program
    .command('store')
    .description('the services where applications read secrets, as keyturn.yaml declares them')
    .addHelpText('after', '\nExample:\n  $ keyturn store check aws prod/checkout --field openrouterKey\n');
  storeListCommand(store);
  storeCheckCommand(store);
}
