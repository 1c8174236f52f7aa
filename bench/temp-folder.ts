import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A folder that goes with this process, also when Ctrl-C ends it. */
export function tempFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'keyturn-bench-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Ends by `process.exit`, so that what waits for the process's end is done: folders, watchdogs. */
export function exitOnSignals(): void {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(130));
}
