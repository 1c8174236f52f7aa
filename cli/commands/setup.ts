import type { Command } from 'commander';
import { type Output, outputOption } from '../output-option.ts';
import { printJson, say } from '../print.ts';

export function setupCommand(program: Command): void {
  program
    .command('setup')
    .description('prepare the namespace: register the search attributes; again and again changes nothing')
    .addOption(outputOption())
    .addHelpText('after', '\nExample:\n  $ TEMPORAL_NAMESPACE=keys keyturn setup\n')
    .action(async ({ output }: Output) => {
      const { connectTemporal } = await import('../../client/temporal.ts');
      const { freshKeyring } = await import('../../keyring/keyring.ts');
      const { setUp } = await import('../set-up.ts');
      const { connectOptions } = await import('../with-keyturn.ts');
      // The first of all in a deployment, before a worker has made the keyring; and nothing here is encrypted.
      const temporal = await connectTemporal({ ...connectOptions(), keyring: freshKeyring() });
      try {
        const { registered, alreadyThere } = await setUp(temporal);
        const { address, namespace } = temporal;
        if (output === 'json') return printJson({ address, namespace, registered, alreadyThere });
        const did = registered.length === 0 ? 'nothing to do' : `registered ${registered.join(', ')}`;
        say(`Namespace "${namespace}" at ${address} is ready: ${did}.`);
      } finally {
        await temporal.connection.close();
      }
    });
}
