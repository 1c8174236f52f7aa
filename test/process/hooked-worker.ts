import { EventEmitter, once } from 'node:events';
import { runWorker } from '../../worker/run-worker.ts';
import { stepHook } from './step-hook.ts';

// `keyturn worker` with one interceptor more: around each step it asks its parent process, and waits for the go.
const answers = new EventEmitter().setMaxListeners(0);
process.on('message', ({ go }: { go: number }) => answers.emit(`go ${go}`));
let calls = 0;

await runWorker({
  activityInterceptors: [
    stepHook(async (moment) => {
      calls += 1;
      const answered = once(answers, `go ${calls}`);
      process.send?.({ call: calls, moment });
      await answered;
    }),
  ],
});
