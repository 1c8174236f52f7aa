import type { Command } from 'commander';
import { type Output, outputOption } from '../../output-option.ts';
import { jsonOf, note, printSecret } from '../../print.ts';

type Options = Output & { yes?: boolean };

export function secretGetCommand(secret: Command): void {
  secret
    .command('get')
    .description('print the current value of a secret of the local vault, alone; asks before it prints to a terminal')
    .argument('<name>', 'a policy, for the secret it writes, or a secret')
    .option('--yes', 'print to a terminal without asking')
    .addOption(outputOption())
    .addHelpText('after', '\nExample:\n  $ OPENROUTER_API_KEY="$(keyturn secret get checkout)" ./app\n')
    .action(async (name: string, { yes = false, output }: Options) => {
      const { fault } = await import('../../../errors/keyturn-error.ts');
      const { keyturnPaths } = await import('../../../config/paths.ts');
      const { openMachine } = await import('../../../machine/open-machine.ts');
      const { confirm, isPersonThere } = await import('../../person.ts');

      const { env } = process;
      const machine = await openMachine({ env, cwd: process.cwd(), paths: keyturnPaths(env) });
      const vault = await machine.local();
      const entries = await vault.list();
      // A policy's name wins: it is what the other commands take.
      const entry = entries.find(({ policy }) => policy === name) ?? entries.find((one) => one.name === name);
      const known = entries.map((one) => `${one.name} (policy ${one.policy})`);
      if (entry === undefined) throw fault('KEYTURN_SECRET_UNKNOWN', name, known);

      if (process.stdout.isTTY && !yes) {
        if (!isPersonThere()) throw fault('KEYTURN_USAGE', 'Nobody is there to be asked; --yes agrees beforehand.');
        if (!(await confirm(`Print the value of ${entry.name} on this terminal?`))) {
          process.exitCode = 1;
          return note('Nothing was printed.');
        }
      }
      const held = await vault.read({ name: entry.name, field: null }, entry.policy);
      if (held.kind !== 'held') throw fault('KEYTURN_SECRET_UNKNOWN', name, known);
      const value = held.value.reveal();
      if (output === 'json')
        return printSecret(jsonOf({ name: entry.name, policy: entry.policy, version: entry.version, value }));
      printSecret(value);
    });
}
