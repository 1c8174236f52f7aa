import type { Command } from 'commander';
import type { Build } from '../../../client/builds.ts';
import { type Output, outputOption } from '../../output-option.ts';
import { note, print, printJson } from '../../print.ts';

/** The others are in the JSON. */
const namesShown = 3;

export function buildListCommand(build: Command): void {
  build
    .command('list')
    .description('list the builds, the newest first, and who is on which; needs no worker')
    .addOption(outputOption())
    .addHelpText('after', '\nExample:\n  $ keyturn build list\n')
    .action(async ({ output }: Output) => {
      const { listBuilds } = await import('../../../client/builds.ts');
      const { withTemporal } = await import('../../with-temporal.ts');
      const builds = await withTemporal({}, listBuilds);
      if (output === 'json') return printJson(builds);
      if (builds.length === 0) return note('No worker has shown a build yet: keyturn worker starts one.');
      const { table } = await import('../../show/layout.ts');
      const head = ['BUILD', 'STATE', 'SINCE (UTC)', 'WORKERS', 'POLICIES'];
      print(table([head, ...builds.map(cells)]).join('\n'));
    });
}

function cells({ id, state, since, workers, policies }: Build): string[] {
  const more = policies.length - namesShown;
  const names = [...policies.slice(0, namesShown), ...(more > 0 ? ['…'] : [])].join(', ');
  const whose = policies.length === 0 ? '0' : `${policies.length}: ${names}`;
  return [id ?? '–', state, since?.slice(0, 16).replace('T', ' ') ?? '–', String(workers), whose];
}
