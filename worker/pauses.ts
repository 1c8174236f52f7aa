import { setTimeout as sleep } from 'node:timers/promises';
import { optionalTsToMs } from '@temporalio/common/lib/time.js';
import type { NativeConnection } from '@temporalio/worker';

/** The task queue of a connection, and the Temporal that it is in. */
export type PausableQueue = {
  service: Pick<NativeConnection['workflowService'], 'describeTaskQueue' | 'updateTaskQueueConfig'>;
  namespace: string;
  name: string;
};

/**
 * Pauses of whole connections: Temporal hands out none of its steps on any worker, because the queue's rate limit is 0.
 *
 * Nothing ends a limit in Temporal but a worker. So each worker of the connection looks for pauses that are over, and
 * counts their time on its own clock from when it saw them first: no two clocks are compared. Where the server knows no
 * limits, or lets no worker set one, a pause is this process's own.
 */
export type Pauses = {
  /** From now on, unless a longer one is under way. */
  begin(queue: PausableQueue, ms: number): Promise<void>;
  /** How long it still is; 0: none. */
  leftMs(queue: PausableQueue): Promise<number>;
  /** Ends what is over, and begins again what this worker began and another has ended or shortened. */
  tend(queue: PausableQueue): Promise<void>;
  /** A pause of this queue is known here: it has to be tended soon. */
  isKnown(queue: PausableQueue): boolean;
};

/** A step that asks must not be kept for longer than it may take. */
const answerMs = 2_000;

/** `temporal.api.enums.v1.TaskQueueType` */
const activityQueue = 2;

/** Read by workers, and by people in `temporal task-queue config get`. */
const reasonOf = (ms: number) => `OpenRouter asked to be left alone for ${Math.ceil(ms)} ms`;
const inReason = /^OpenRouter asked to be left alone for (\d+) ms$/;

/** A pause as this process saw it: who set it and when by the server's clock, and when it ends on ours. */
type Seen = { id: string; endsAt: number };

export function createPauses(): Pauses {
  /** By the name of the queue: until when this process has been told to pause. */
  const own = new Map<string, number>();
  const seen = new Map<string, Seen>();
  const now = () => performance.now();
  const ownLeft = ({ name }: PausableQueue) => Math.max(0, (own.get(name) ?? 0) - now());

  /** The pause that stands in Temporal; null: none, or no answer. */
  async function look({ service, namespace, name }: PausableQueue): Promise<Seen | null> {
    const asked = { namespace, taskQueue: { name }, taskQueueType: activityQueue, reportConfig: true };
    const { config } = await service.describeTaskQueue(asked);
    const { rateLimit, metadata } = config?.queueRateLimit ?? {};
    const [, ms] = inReason.exec(metadata?.reason ?? '') ?? [];
    // A limit that somebody has set by hand is theirs.
    if (!rateLimit || rateLimit.requestsPerSecond || ms === undefined) {
      seen.delete(name);
      return null;
    }
    const id = `${metadata?.updateIdentity} ${optionalTsToMs(metadata?.updateTime)}`;
    const known = seen.get(name);
    if (known?.id === id) return known;
    const found = { id, endsAt: now() + Number(ms) };
    seen.set(name, found);
    return found;
  }

  async function limit({ service, namespace, name }: PausableQueue, ms: number | null): Promise<void> {
    const updateQueueRateLimit =
      ms === null ? { reason: 'over' } : { rateLimit: { requestsPerSecond: 0 }, reason: reasonOf(ms) };
    const identity = `keyturn worker ${process.pid}`;
    const of = { namespace, identity, taskQueue: name, taskQueueType: activityQueue };
    await service.updateTaskQueueConfig({ ...of, updateQueueRateLimit });
  }

  async function tend(queue: PausableQueue): Promise<void> {
    const found = await look(queue);
    const leftMs = ownLeft(queue);
    if (leftMs > 0) {
      // A second's difference is what looking takes.
      if (found !== null && found.endsAt - now() > leftMs - 1_000) return;
      await limit(queue, leftMs);
      // Its time is counted from now.
      await look(queue);
    } else {
      own.delete(queue.name);
      if (found !== null && found.endsAt <= now()) await limit(queue, null);
    }
  }

  return {
    async begin(queue, ms) {
      if (ownLeft(queue) >= ms) return;
      own.set(queue.name, now() + ms);
      // A server that has no limits refuses; whoever asks this process is told to wait all the same.
      await tend(queue).catch(() => {});
    },
    async leftMs(queue) {
      const noAnswer = sleep(answerMs, null, { ref: false });
      const found = await Promise.race([look(queue).catch(() => null), noAnswer]);
      return Math.max(ownLeft(queue), found === null ? 0 : found.endsAt - now());
    },
    tend,
    isKnown: ({ name }) => own.has(name) || seen.has(name),
  };
}
