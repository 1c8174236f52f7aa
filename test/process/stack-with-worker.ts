import { inject } from 'vitest';
import { type Stack, startStack } from './stack.ts';
import { startWorker } from './worker-process.ts';

/** A stack and one worker, `keyturn worker` as a process, that polls; it stops with the stack. */
export async function startStackWithWorker(): Promise<Stack> {
  const stack = await startStack(inject('temporalCli'));
  const worker = startWorker(stack);
  await worker.ready;
  return {
    ...stack,
    async close(left) {
      await worker.kill('SIGTERM');
      await stack.close(left);
    },
  };
}
