import { sleep } from '@temporalio/workflow';

/** Answers how many days went by while it slept. */
export async function sleepForAYear(): Promise<number> {
  const start = Date.now();
  await sleep('365 days');
  return (Date.now() - start) / 86_400_000;
}
