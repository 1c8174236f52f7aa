import { CommanderError } from 'commander';
import { fault } from '../errors/keyturn-error.ts';
import { reportFailure } from './failure.ts';
import { asksForJson } from './output-option.ts';
import { stayQuietOnBrokenPipe } from './print.ts';
import { createProgram } from './program.ts';

/** Runs the command that `process.argv` names, and sets the exit code. Never rejects. */
export async function runCommandLine(): Promise<void> {
  stayQuietOnBrokenPipe();
  try {
    await createProgram().parseAsync();
  } catch (error) {
    // Commander throws also for --help and --version, with exit code 0.
    if (error instanceof CommanderError && error.exitCode === 0) return;
    process.exitCode = reportFailure(asUsage(error), asksForJson(process.argv.slice(2)) ? 'json' : 'text');
  }
}

function asUsage(error: unknown): unknown {
  if (!(error instanceof CommanderError)) return error;
  // Called without a command: the help has been printed already.
  const what = error.code === 'commander.help' ? 'A command is needed.' : sentence(error.message);
  return fault('KEYTURN_USAGE', what);
}

/** Commander's `error: unknown command 'lst'\n(Did you mean list?)` */
function sentence(message: string): string {
  const [first = '', ...more] = message.replace(/^error: /, '').split('\n');
  return [`${first.charAt(0).toUpperCase()}${first.slice(1)}${/[.?)]$/.test(first) ? '' : '.'}`, ...more]
    .join(' ')
    .trim();
}
