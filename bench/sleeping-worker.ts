/** A worker in a process of its own, whose memory bench/sleeping-heap.ts looks at: sleeping-worker.ts ADDRESS QUEUE KEYRING */
import '../test/quiet-runtime.ts';
import { NativeConnection } from '@temporalio/worker';
import { openKeyring } from '../keyring/keyring-source.ts';
import { startConnectionWorkers } from '../worker/connection-workers.ts';
import { createWorker } from '../worker/create-worker.ts';
import { noOpTools } from './no-op-tools.ts';
import { asFastAsItCan, bundleBenchWorkflows } from './stack.ts';

/** `workflowHeap` in bytes. `cached`: policies in the cache; `busy`: workflows that have something to do. */
export type SleepingWorkerReport = { workflowHeap: number; cached: number; busy: number };

const [address = '', taskQueue = '', keyringFile = ''] = process.argv.slice(2);
const ours = {
  connection: await NativeConnection.connect({ address }),
  namespace: 'default',
  tools: noOpTools(await openKeyring(keyringFile)),
  taskQueue,
};
const worker = await createWorker({ ...ours, bundle: await bundleBenchWorkflows() });
startConnectionWorkers({ ...ours, ...asFastAsItCan, log: { warn: console.error } });

process.on('message', () => process.send?.(report()));
process.once('disconnect', () => process.exit());
process.send?.(report());
await worker.run();

function report(): SleepingWorkerReport {
  // Every thread but the main one runs workflows; the diagnostic report is how one thread sees another's heap.
  const { workers } = process.report.getReport() as { workers?: { javascriptHeap: { usedMemory: number } }[] };
  const workflowHeap = (workers ?? []).reduce((total, { javascriptHeap }) => total + javascriptHeap.usedMemory, 0);
  const { numCachedWorkflows, numInFlightWorkflowActivations } = worker.getStatus();
  return {
    workflowHeap,

    cached: numCachedWorkflows,
    busy: numInFlightWorkflowActivations,
  };
}
