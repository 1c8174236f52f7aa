import { gunzipSync, gzipSync } from 'node:zlib';
import type { Context } from '@temporalio/activity';

type Done = { what: string; result: unknown };

/**
 * What a step has done so far, for its next attempt. Temporal keeps it with the step (heartbeat details, encrypted as all
 * payloads are). Compressed: a scan of a thousand keys is a megabyte, and Temporal takes two.
 */
export class Progress {
  /** This attempt has sent the one request that its turn was for. */
  turnTaken = false;
  readonly #done: Done[];
  /** How many of them this attempt has come past. */
  #at = 0;

  constructor(details: unknown) {
    this.#done = typeof details === 'string' ? JSON.parse(gunzipSync(Buffer.from(details, 'base64')).toString()) : [];
  }

  /** The result of an earlier attempt, or of `work`, whose own parts are forgotten with it. */
  async once<Result>(what: string, work: () => Promise<Result>): Promise<Result> {
    const from = this.#at;
    const told = this.#done[from];
    if (told?.what === what) {
      this.#at += 1;
      return told.result as Result;
    }
    const result = await work();
    // With all that stood behind it: a step that goes another way than before has done nothing of that.
    this.#done.splice(from, Number.POSITIVE_INFINITY, { what, result });
    this.#at = from + 1;
    return result;
  }

  /** As heartbeat details; undefined where there is nothing to keep. */
  details(): string | undefined {
    return this.#done.length === 0 ? undefined : gzipSync(JSON.stringify(this.#done)).toString('base64');
  }
}

const ofSteps = new WeakMap<Context, Progress>();

/** Of a running step. */
export function progressOf(context: Context): Progress {
  const known = ofSteps.get(context);
  if (known !== undefined) return known;
  const progress = new Progress(context.info.heartbeatDetails);
  ofSteps.set(context, progress);
  return progress;
}
