import { createHash } from 'node:crypto';
import { fault, type KeyturnError, retryAfter } from '../errors/keyturn-error.ts';
import { digestOf } from '../secrets/secret.ts';
import { type Driver, InDoubt, Moved, type Put, type Seen, type Sending } from './driver.ts';
import { lostWriteLifeMs, sendsForMs } from './promises.ts';
import { type Approval, inWords, type Memento, type Restored, type Spot, type Store, type Writer } from './store.ts';

/** Time, so that the simulated world can hand in its own. */
export type Waiting = { now: () => number; wait: (ms: number) => Promise<void> };

/** What `capture` saw, with what every store is judged by. */
type Before = { digest: string | null; version: string | null; own: Memento };

/** What one look leads to. */
type Decided<Answer> = { answer: Answer } | { change: (sending: Sending) => Promise<Put> };

/** A value that is larger is no key: the spot is not what the policy means, and would not fit the state. */
const mostBytes = 256;
/** Other fields of the same container may be written at any moment, by other policies for instance. */
const mostMoves = 12;
const lookAgainMs = 500;
/** Looks count against rate limits, and many undos come at once: they grow apart. */
const lookAgainMostMs = 2_500;
const lookForMs = 5_000;

/**
 * A store out of a driver: the rules by which all of them write. A write goes over exactly what was seen; one whose answer
 * was lost is looked for and not sent again; what somebody else has written is left alone.
 */
export function conditionalStore<Sight extends Seen>(driver: Driver<Sight>, time: Waiting): Store {
  const { name, promises } = driver;
  /** Since when a spot has looked as it did before the write, by the undo that looks. */
  const formerSince = new Map<string, number>();
  const unavailable = (why: string) => fault('KEYTURN_STORE_UNAVAILABLE', name, why);

  /** Carries out `change` over what is there, and again where that has moved on meanwhile: `decide` judges anew. */
  async function overWhatIsThere<Answer>(
    spot: Spot,
    writer: Writer,
    decide: (seen: Sight) => Promise<Decided<Answer>>,
    changed: (put: Put) => Answer,
    { isLookedAt }: { isLookedAt: boolean },
  ): Promise<Answer> {
    const sending = sendingOf(spot, writer, time, unavailable);
    for (let move = 1; ; move++) {
      const seen = await driver.look(spot);
      const decided = await decide(seen);
      if ('answer' in decided) {
        await driver.settle?.(spot);
        return decided.answer;
      }
      try {
        const put = await decided.change(sending);
        await driver.settle?.(spot);
        // Who writes reads back in a step of its own.
        if (isLookedAt && put.approval === null && (await lookedFor(spot, decide)) === null) {
          throw retryAfter(unavailable('it took a change and does not show it'), promises.readsLagMs || undefined);
        }
        return changed(put);
      } catch (error) {
        if (error instanceof Moved && move < mostMoves) {
          await time.wait(move * 50 + Math.random() * 100 * move);
          continue;
        }
        if (error instanceof Moved) throw unavailable('others change it faster than it can be written');
        if (!(error instanceof InDoubt)) throw error;
        const arrived = await lookedFor(spot, decide);
        if (arrived !== null) {
          await driver.settle?.(spot);
          return arrived.answer;
        }
        // The next try looks first, and not before the lost request has arrived, or cannot any more.
        const waitMs = promises.comparesAndSets ? Math.max(lookForMs, promises.readsLagMs) : lostWriteLifeMs;
        throw retryAfter(unavailable(`the answer to a write was lost (${error.message})`), waitMs);
      }
    }
  }

  /** Looks for what a lost answer may have meant, for a few seconds. */
  async function lookedFor<Answer>(
    spot: Spot,
    decide: (seen: Sight) => Promise<{ answer: Answer } | object>,
  ): Promise<{ answer: Answer } | null> {
    const until = time.now() + lookForMs;
    for (let waitMs = lookAgainMs; ; waitMs = Math.min(2 * waitMs, lookAgainMostMs)) {
      const decided = await decide(await driver.look(spot));
      if ('answer' in decided) return decided;
      const leftMs = until - time.now();
      if (leftMs <= 0) return null;
      await time.wait(Math.min(waitMs, leftMs));
    }
  }

  return {
    name,
    kind: driver.kind,
    promises,
    addressOf: (spot) => driver.addressOf(spot),
    check: (spot) => driver.check(spot),

    async capture(spot) {
      const seen = await driver.look(spot);
      refuseLarge(seen, name, spot);
      const before: Before = { digest: digestIn(seen), version: seen.version, own: seen.memento };
      return { memento: before, note: noteOn(seen) };
    },

    async write(spot, value, writer, memento) {
      const before = asBefore(memento);
      const ours = digestOf(value);
      const since = time.now();
      const decide = async (seen: Sight): Promise<Decided<Put>> => {
        if (digestIn(seen) === ours) return { answer: { version: seen.version, approval: null } };
        if (isAsBefore(seen, before)) return { change: (sending) => driver.put(spot, value, seen, sending) };
        if (time.now() - since >= promises.readsLagMs) throw fault('KEYTURN_PLACE_CHANGED', name, inWords(spot));
        // An old answer of a lagging replica looks like somebody else's write: looked at until it cannot be one.
        await time.wait(lookAgainMs);
        return decide(await driver.look(spot));
      };
      return overWhatIsThere(spot, writer, decide, (put) => put, { isLookedAt: false });
    },

    async read(spot) {
      const seen = await driver.look(spot);
      if (seen.value === 'hidden') return { kind: 'unreadable' };
      return seen.value === null ? { kind: 'absent' } : { kind: 'held', value: seen.value, version: seen.version };
    },

    async restore(spot, memento, writer, ours, approval) {
      const before = asBefore(memento);
      if (approval !== null) await refuseOpen(driver, spot, approval);
      const seesFormer = await settledSight(spot, before, JSON.stringify([writer, spot]));
      return overWhatIsThere<Restored>(
        spot,
        { ...writer, rotationId: `undo of ${writer.rotationId}` },
        async (seen) => {
          if (digestIn(seen) === ours && ours !== before.digest) {
            return { change: (sending) => driver.putBack(spot, before.own, seen, sending) };
          }
          const isRestored = seen.value === 'hidden' ? seen.version === before.version : isAsBefore(seen, before);
          // A spot that was empty may have been filled and emptied again.
          const isCounted = promises.countsWrites && before.digest !== null && seen.version !== null;
          const neverWritten = seesFormer && isCounted && seen.version === before.version;
          return {
            answer: { end: isRestored ? 'restored' : 'left', shown: !neverWritten, approval: null },
          };
        },
        (put) => ({ end: put.approval === null ? 'restored' : 'waits', shown: true, approval: put.approval }),
        { isLookedAt: true },
      );
    },

    async remove(spot, policy, ours) {
      return overWhatIsThere<'removed' | 'left'>(
        spot,
        { policy, rotationId: 'removal' },
        async (seen) => {
          if (seen.value === null) return { answer: 'removed' };
          const isOurs = seen.value === 'hidden' || ours.includes(digestOf(seen.value));
          if (!isOurs) return { answer: 'left' };
          return { change: (sending) => driver.takeAway(spot, seen, sending) };
        },
        ({ approval }) => {
          if (approval !== null) throw fault('KEYTURN_APPROVAL_OPEN', name, inWords(spot), approval.url);
          return 'removed';
        },
        { isLookedAt: true },
      );
    },

    ...(driver.approval === undefined ? {} : { approval: driver.approval.bind(driver) }),
    ...(driver.close === undefined ? {} : { close: driver.close.bind(driver) }),
  };

  /**
   * Where reads may lag, what looks like the former value may be an old answer: looked at until that cannot be. A try that
   * ended meanwhile, at a rate limit for example, counts: where many undos start over again together, none would end.
   */
  async function settledSight(spot: Spot, before: Before, undo: string): Promise<boolean> {
    for (let waitMs = lookAgainMs; ; waitMs = Math.min(2 * waitMs, lookAgainMostMs)) {
      const isFormer = isAsBefore(await driver.look(spot), before);
      const since = formerSince.get(undo) ?? time.now();
      const leftMs = since + promises.readsLagMs - time.now();
      if (!isFormer || leftMs <= 0) {
        formerSince.delete(undo);
        return isFormer;
      }
      formerSince.set(undo, since);
      await time.wait(Math.min(waitMs, leftMs));
    }
  }
}

/** While somebody can still approve it, the rotation's value may appear at any moment: its key must not go. */
async function refuseOpen(driver: Driver, spot: Spot, approval: Approval): Promise<void> {
  if ((await driver.approval?.(spot, approval)) !== 'open') return;
  throw fault('KEYTURN_APPROVAL_OPEN', driver.name, inWords(spot), approval.url);
}

function sendingOf(spot: Spot, writer: Writer, { now }: Waiting, unavailable: (why: string) => KeyturnError): Sending {
  const until = (writer.since ?? now()) + sendsForMs;
  const parts = JSON.stringify([writer.policy, writer.rotationId, spot.name, spot.field]);
  return {
    token: createHash('sha256').update('keyturn write\0').update(parts).digest('hex'),
    mayBeSent: () => {
      if (now() > until) throw unavailable('a write of it took too long to be sent');
    },
  };
}

function digestIn({ value }: Seen): string | null {
  return value === null || value === 'hidden' ? null : digestOf(value);
}

/** By the value: what else is in the same container may have changed. */
function isAsBefore(seen: Seen, before: Before): boolean {
  return seen.value === 'hidden' ? seen.version === before.version : digestIn(seen) === before.digest;
}

function refuseLarge({ value }: Seen, store: string, spot: Spot): void {
  if (value === null || value === 'hidden') return;
  const bytes = Buffer.byteLength(value.reveal());
  if (bytes <= mostBytes) return;
  const why = `it holds ${bytes} bytes, far more than a key; name one field of it, if that is what it has`;
  throw fault('KEYTURN_STORE_REFUSED', store, inWords(spot), why);
}

function noteOn({ value, version }: Seen): string {
  if (value === null) return 'nothing yet';
  return version === null || version.length > 20 ? 'what it held' : `version ${version}`;
}

function asBefore(memento: Memento): Before {
  return memento as unknown as Before;
}
