import type { Command } from 'commander';
import { port } from './simulator.ts';

type Options = { live?: boolean; port?: number; uiPort?: number; simulatorPort?: number; codecPort?: number };

export function devCommand(program: Command): void {
  program
    .command('dev')
    .description('run everything on this machine: Temporal, its Web UI, an OpenRouter simulator, a worker')
    .option('--live', 'no simulator: policies make real keys at OpenRouter; needs a data folder of its own')
    .option('--port <port>', 'of Temporal on 127.0.0.1; default: 7233, or a free one', port)
    .option('--ui-port <port>', 'of the Web UI; default: 8233, or a free one', port)
    .option('--simulator-port <port>', 'of the simulator; default: 4010, or a free one', port)
    .option('--codec-port <port>', 'of the codec server; default: 8088, or a free one', port)
    .addHelpText('after', '\nExample:\n  $ keyturn dev\n')
    .action(async ({ live = false, ...ports }: Options) => {
      const { quietDebugSwitches } = await import('../../secrets/debug-switches.ts');
      quietDebugSwitches();
      const { runDev } = await import('../dev/run-dev.ts');
      await runDev({ env: process.env, live, ...ports });
    });
}
