import type { Command } from 'commander';
import { type Output, outputOption } from '../../output-option.ts';
import { note, print, printJson } from '../../print.ts';

export function connectionListCommand(connection: Command): void {
  connection
    .command('list')
    .description('list the connections: names, paces and where their keys are kept, never the keys')
    .addOption(outputOption())
    .addHelpText('after', '\nExample:\n  $ keyturn connection list\n')
    .action(async ({ output }: Output) => {
      const { connectionsHere } = await import('../../connections-here.ts');
      const { defaultRequestsPerSecond } = await import('../../../config/declared-connection.ts');
      const connections = (await (await connectionsHere()).list()).map((one) => {
        return { ...one, requestsPerSecond: one.requestsPerSecond ?? defaultRequestsPerSecond };
      });
      if (output === 'json') return printJson(connections);
      if (connections.length === 0) return note('No connections yet: keyturn connection add NAME.');
      const { table } = await import('../../show/layout.ts');
      const rows = connections.map(({ name, source, store, baseUrl, requestsPerSecond }) => {
        return [name, store === null ? source : `store ${store}`, `${requestsPerSecond}/s`, baseUrl];
      });
      print(table([['CONNECTION', 'KEPT IN', 'PACE', 'ADDRESS'], ...rows]).join('\n'));
    });
}
