import type { Command } from 'commander';
import type { Moved } from '../../client/move-policies.ts';
import { type Output, outputOption } from '../output-option.ts';
import { printJson, say } from '../print.ts';

type Options = Output & { all?: boolean; takeOver?: boolean };

/** More names than this help nobody. */
const namesShown = 10;

export function refreshCommand(program: Command): void {
  program
    .command('refresh')
    .description('have a policy go on in a new run, on the current build; its state stays, and no key is made')
    .argument('[name]', 'the policy; or else --all')
    .option('--all', 'every policy, a few at a time')
    .option('--take-over', 'also from a build that no worker runs any more: the current build replays its runs')
    .addOption(outputOption())
    .addHelpText('after', '\nExamples:\n  $ keyturn refresh checkout\n  $ keyturn refresh --all\n')
    .action(async (name: string | undefined, { all = false, takeOver = false, output }: Options) => {
      const { fault } = await import('../../errors/keyturn-error.ts');
      if ((name === undefined) !== all) throw fault('KEYTURN_USAGE', 'Name a policy, or say --all.');
      const { listPolicies } = await import('../../client/list-policies.ts');
      const { movePolicies } = await import('../../client/move-policies.ts');
      const { refreshShown } = await import('../refresh-shown.ts');
      const { withTemporal } = await import('../with-temporal.ts');
      const result = await withTemporal({}, async (temporal) => {
        const there = (await listPolicies(temporal)).map((policy) => policy.name);
        const asked = name === undefined ? there : [name];
        const moved = await movePolicies(temporal, asked, (watched) => refreshShown(temporal, watched, output), {
          takeOver,
        });
        const isThere = moved.moved.length + moved.waiting.length > 0;
        if (name !== undefined && !isThere) throw fault('KEYTURN_POLICY_UNKNOWN', name, there);
        return moved;
      });
      if (output === 'json') printJson(result);
      else show(result);
      if (result.waiting.length > 0) process.exitCode = 1;
    });
}

function show({ current, moved, waiting }: Moved): void {
  const where = current === null ? 'in a new run' : `in a new run, on build ${current}`;
  say(`${counted(moved.length)} ${where}.`);
  const builds = new Set(waiting.map(({ build }) => build));
  for (const build of builds) {
    const names = waiting.filter((one) => one.build === build).map(({ name }) => name);
    const on = build === null || build === current ? '' : ` on build ${build}`;
    say(`Not yet, still${on}: ${some(names)}. They move once a worker of it runs and their rotation has ended.`);
  }
}

function counted(count: number): string {
  return count === 1 ? '1 policy goes on' : `${count} policies go on`;
}

function some(names: readonly string[]): string {
  const more = names.length - namesShown;
  return `${names.slice(0, namesShown).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}
