import { setTimeout as sleep } from 'node:timers/promises';
import { Connection } from '@temporalio/client';

const POLL_MS = 100;
const ANSWER_MS = 1_000;

/** Whether the Temporal at `address` answers for `namespace`: asks until it does, or until `signal`. */
export async function serves(address: string, namespace: string, signal: AbortSignal): Promise<boolean> {
  const connection = Connection.lazy({
    address,
    // By itself gRPC waits a second before it tries a refused connection again; the server is up sooner than that.
    channelArgs: { 'grpc.initial_reconnect_backoff_ms': POLL_MS, 'grpc.max_reconnect_backoff_ms': POLL_MS },
  });
  try {
    while (!signal.aborted) {
      const describe = () => connection.workflowService.describeNamespace({ namespace });
      const answered = await connection.withDeadline(Date.now() + ANSWER_MS, describe).then(
        () => true,
        () => false,
      );
      if (answered) return true;
      await sleep(POLL_MS);
    }
    return false;
  } finally {
    await connection.close();
  }
}
