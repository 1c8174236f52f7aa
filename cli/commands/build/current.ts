import type { Command } from 'commander';
import { type Output, outputOption } from '../../output-option.ts';
import { note, printJson, say } from '../../print.ts';

export function buildCurrentCommand(build: Command): void {
  build
    .command('current')
    .description('have policies begin their next run on this build; a former one is the way back')
    .argument('<id>', 'a build that a worker has shown')
    .addOption(outputOption())
    .addHelpText('after', '\nExample:\n  $ keyturn build current 661f6b434daa && keyturn refresh --all\n')
    .action(async (id: string, { output }: Output) => {
      const { makeCurrent } = await import('../../../client/builds.ts');
      const { withTemporal } = await import('../../with-temporal.ts');
      const made = await withTemporal({}, (temporal) => makeCurrent(temporal, id));
      if (made.workers === 0) note(`No worker polls with build ${id}: what moves to it waits until one does.`);
      if (output === 'json') return printJson(made);
      const before = made.previous === null || made.previous === id ? '' : `, instead of ${made.previous}`;
      say(
        `Build ${id} is current${before}. Policies move to it with their next run; keyturn refresh --all has them now.`,
      );
    });
}
