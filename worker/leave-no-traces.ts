import { writeFileSync } from 'node:fs';
import type { Logger } from 'pino';

/**
 * Keeps what this process holds in memory out of the files that a crash leaves behind. Node cannot set the size limit of
 * core dumps; on Linux it can say which memory goes into one: none.
 */
export function leaveNoTraces(log: Logger): void {
  if (process.platform === 'linux') {
    try {
      writeFileSync('/proc/self/coredump_filter', '0');
    } catch (error) {
      log.warn(
        { why: (error as NodeJS.ErrnoException).code },
        'core dumps cannot be emptied; forbid them: ulimit -c 0',
      );
    }
  }
  Object.assign(process.report, { excludeEnv: true, excludeNetwork: true });
  process.once('uncaughtException', (error) => {
    // Node's own report of it would print whatever hangs on the error.
    log.fatal({ err: error }, 'the worker ends by an error that it does not expect');
    log.flush();
    process.exit(1);
  });
}
