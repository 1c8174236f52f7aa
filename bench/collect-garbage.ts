declare const gc: (() => void) | undefined;

/**
 * Not deterministic, and not meant to be: collects all garbage of the thread that workflows run in, so that what is left
 * is what they hold. Works where the process was started with --expose-gc.
 */
export async function collectGarbage(): Promise<void> {
  if (typeof gc !== 'function') throw new Error('the worker runs without --expose-gc');
  gc();
}
