import '../quiet-runtime.ts';
import type { Payload } from '@temporalio/common';
import { type ReplayHistoriesIterable, Worker } from '@temporalio/worker';
import { connectTemporal } from '../../client/temporal.ts';
import { workerDataConverter } from '../../codec/data-converter.ts';
import { payloadCodec } from '../../codec/payload-codec.ts';
import { openKeyring } from '../../keyring/keyring-source.ts';
import { workflowBundle } from '../../worker/workflow-bundle.ts';
import type { Searched } from './everywhere.ts';
import { payloadsIn } from './secret-scan.ts';

/**
 * Fails when a workflow's history cannot be replayed by the code that made it: then a worker that starts anew is stuck
 * with that policy for ever. What stops a machine of a test calls it, so it covers every order of events that any test
 * has brought about.
 */
export async function expectReplays({ paths, at }: Pick<Searched, 'paths' | 'at'>): Promise<void> {
  const keyring = await openKeyring(paths.keyringFile);
  const { client, connection, namespace } = await connectTemporal({ env: {}, ...at, keyring });
  const codec = payloadCodec(keyring, namespace);
  const decode = async (payload: Payload) => (await codec.decode([payload]))[0] as Payload;
  const stuck: string[] = [];
  try {
    const query = at.taskQueue === undefined ? '' : `TaskQueue = "${at.taskQueue}"`;
    const histories = readable(client.workflow.list({ query }).intoHistories(), decode);
    const options = {
      workflowBundle: await workflowBundle(),
      namespace,
      dataConverter: workerDataConverter(keyring, namespace),
    };
    for await (const { workflowId, runId, error } of Worker.runReplayHistories(options, histories)) {
      if (error) stuck.push(`${workflowId} (${runId}): ${error.message}`);
    }
  } finally {
    await connection.close();
  }
  if (stuck.length > 0) throw new Error(`These cannot be replayed by the code that made them:\n${stuck.join('\n')}`);
}

/** But those that were encrypted with a key that the machine no longer has: nobody can replay them. */
async function* readable(histories: ReplayHistoriesIterable, decode: (payload: Payload) => Promise<Payload>) {
  for await (const one of histories) {
    const lost = await payloadsIn(one.history, decode).then(() => false, isOfLostKey);
    if (!lost) yield one;
  }
}

function isOfLostKey(error: unknown): boolean {
  if (error instanceof Error && error.message.includes('which this keyring does not have')) return true;
  throw error;
}
