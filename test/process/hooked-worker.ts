import { EventEmitter, once } from 'node:events';
import { runWorker } from '../../worker/run-worker.ts';
import { bundleOtherBuild, otherBuildVariable } from './other-build.ts';
import { stepHook } from './step-hook.ts';

// `keyturn worker` with one interceptor more: around each step it asks its parent process, and waits for the go.
const answers = new EventEmitter().setMaxListeners(0);
process.on('message', ({ go }: { go: number }) => answers.emit(`go ${go}`));
// A test that is gone gives no go: steps that wait for one would keep this process.
process.once('disconnect', () => process.exit(1));
let calls = 0;

await runWorker({
  ...(process.env[otherBuildVariable] ? { bundle: await bundleOtherBuild() } : {}),
  activityInterceptors: [
    stepHook(async (moment) => {
      calls += 1;
      const answered = once(answers, `go ${calls}`);
      process.send?.({ call: calls, moment });
      await answered;
    }),
  ],
});
