import type { Command } from 'commander';
import { type Output, outputOption } from '../output-option.ts';
import { printJson, say } from '../print.ts';

export function resumeCommand(program: Command): void {
  program
    .command('resume')
    .description('let the schedule of a paused policy go on')
    .argument('<name>', 'the policy')
    .addOption(outputOption())
    .addHelpText('after', '\nExample:\n  $ keyturn resume checkout\n')
    .action(async (name: string, { output }: Output) => {
      const { withKeyturn } = await import('../with-keyturn.ts');
      await withKeyturn((keyturn) => keyturn.resume(name));
      if (output === 'json') return printJson({ name, paused: false });
      say(`${name} goes on with its schedule; a run that the pause stopped is not made up for.`);
    });
}
