import type { Command } from 'commander';

/** Time for the running steps, which nobody will ask about, to end in order. */
const leftBehindMs = 3_000;

export function workerCommand(program: Command): void {
  program
    .command('worker')
    .description('run a worker: it carries the policies out; Ctrl-C lets it end what it is doing')
    .addHelpText('after', '\nExample:\n  $ TEMPORAL_ADDRESS=temporal.internal:7233 keyturn worker\n')
    .action(async () => {
      const { quietDebugSwitches } = await import('../../secrets/debug-switches.ts');
      // Before anything is loaded that reads them.
      const cleared = quietDebugSwitches();
      const { runWorker } = await import('../../worker/run-worker.ts');
      const { useAnnouncedAddress } = await import('../dev-address.ts');
      await useAnnouncedAddress();
      // Started by `keyturn dev` and left behind by it: with its Temporal gone too, there is nothing to wait for.
      if (process.channel) process.once('disconnect', () => setTimeout(() => process.exit(1), leftBehindMs).unref());
      try {
        await runWorker({ cleared });
      } catch (error) {
        const { reportFailure } = await import('../failure.ts');
        // Not only an exit code: Temporal's runtime would keep a worker that failed to start, and no supervisor restart it.
        process.exit(reportFailure(error, 'text'));
      }
    });
}
