import type { Progress } from '../../engine/progress.ts';
import { printProgress } from '../../engine/progress.ts';

const started = performance.now();

/** One line of what is being done, with the seconds since the start. */
export function say(text: string): void {
  const seconds = ((performance.now() - started) / 1000).toFixed(1).padStart(6);
  process.stderr.write(`${seconds} s  ${text}\n`);
}

/** For what the engine fetches or builds. */
export const progress: Progress = printProgress({ write: (text) => say(text.trim()) });
