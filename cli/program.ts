import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { applyCommand } from './commands/apply.ts';
import { buildCommand } from './commands/build/index.ts';
import { codecServerCommand } from './commands/codec-server.ts';
import { connectionCommand } from './commands/connection/index.ts';
import { deleteCommand } from './commands/delete.ts';
import { devCommand } from './commands/dev.ts';
import { historyCommand } from './commands/history.ts';
import { keyringCommand } from './commands/keyring/index.ts';
import { listCommand } from './commands/list.ts';
import { nextCommand } from './commands/next.ts';
import { pauseCommand } from './commands/pause.ts';
import { refreshCommand } from './commands/refresh.ts';
import { resumeCommand } from './commands/resume.ts';
import { rotateCommand } from './commands/rotate.ts';
import { secretCommand } from './commands/secret/index.ts';
import { setupCommand } from './commands/setup.ts';
import { simulatorCommand } from './commands/simulator.ts';
import { statusCommand } from './commands/status.ts';
import { storeCommand } from './commands/store/index.ts';
import { workerCommand } from './commands/worker.ts';
import { packageFile } from './package-file.ts';

/** Every command. The files of the commands load what they need when they run: `--help` starts without Temporal. */
export function createProgram(): Command {
  const { version } = JSON.parse(readFileSync(packageFile('package.json'), 'utf8')) as { version: string };
  const program = new Command('keyturn')
    .description('Rotates OpenRouter API keys on a schedule, with no downtime and nothing half-done.')
    .version(version)
    .exitOverride()
    .configureOutput({ outputError: () => {} })
    .addHelpText('after', '\nExample:\n  $ keyturn dev                 everything on this machine\n');
  // In the order of the help: the machinery, the policies, what they need. Subcommands take over the settings above.
  devCommand(program);
  workerCommand(program);
  codecServerCommand(program);
  setupCommand(program);
  simulatorCommand(program);
  applyCommand(program);
  listCommand(program);
  statusCommand(program);
  historyCommand(program);
  nextCommand(program);
  rotateCommand(program);
  pauseCommand(program);
  resumeCommand(program);
  refreshCommand(program);
  deleteCommand(program);
  connectionCommand(program);
  storeCommand(program);
  secretCommand(program);
  keyringCommand(program);
  buildCommand(program);
  return program;
}
