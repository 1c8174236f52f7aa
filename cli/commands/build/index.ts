import type { Command } from 'commander';
import { buildCurrentCommand } from './current.ts';
import { buildListCommand } from './list.ts';

export function buildCommand(program: Command): void {
  const build = program
    .command('build')
    .description('the builds of the code that workers run, and which policies are on which')
    .addHelpText('after', '\nExample:\n  $ keyturn build list\n');
  buildListCommand(build);
  buildCurrentCommand(build);
}
