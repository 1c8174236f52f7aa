import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { digestOf, Secret } from '../../secrets/secret.ts';
import type { Captured, Spot, Store, Writer } from '../../stores/store.ts';

/** A store with the world around it: applications that read, strangers that write, answers that are lost. */
export type StoreUnderTest = {
  store: Store;
  /** One that holds nothing, and that no other test uses. */
  freshSpot: () => Spot | Promise<Spot>;
  /**
   * Two spots in one container, each a field that holds nothing, and what stands beside them: a third field, tags, order,
   * whatever a write must not touch. Left out where the store has no fields.
   */
  fields?: () => Promise<{ one: Spot; other: Spot; besides: () => Promise<unknown> }>;
  /** As an application reads it, by other means than the store's own. */
  valueOf: (spot: Spot) => Promise<string | null>;
  /** As somebody else writes it. */
  tamper: (spot: Spot, value: string) => Promise<void>;
  /** The next request that changes something takes effect, and its answer is lost. Left out where that cannot be. */
  loseNextAnswer?: () => void;
  /** The next request that changes something is lost before it arrives. */
  loseNextRequest?: () => void;
  /** How many requests that change something were sent so far. */
  changesSent?: () => number;
  close?: () => Promise<void> | void;
};

const policy = 'checkout';
const value = (text: string) => new Secret(`sk-or-v1-${text}`);
const digest = (text: string) => digestOf(value(text));
const r = (n: number | string): Writer => ({ policy, rotationId: `r${n}` });

/** What every store promises (stores/store.ts). */
export function describeStore(what: string, open: () => StoreUnderTest | Promise<StoreUnderTest>): void {
  describe(`${what} keeps the promises of a store`, () => {
    let under: StoreUnderTest;
    let store: Store;
    beforeAll(async () => {
      under = await open();
      store = under.store;
    }, 120_000);
    afterAll(() => under?.close?.());

    /** A whole write: capture, write. */
    const put = async (spot: Spot, text: string, writer: Writer): Promise<Captured> => {
      const before = await store.capture(spot, writer);
      await store.write(spot, value(text), writer, before.memento);
      return before;
    };
    const holds = async (spot: Spot) => (await under.valueOf(spot))?.replace('sk-or-v1-', '') ?? null;
    const undo = (spot: Spot, before: Captured, text: string, writer: Writer) =>
      store.restore(spot, before.memento, writer, digest(text), null);
    /** Again and again for as long as it asks to, as the caller does. */
    const patiently = async <T>(work: () => Promise<T>): Promise<T> => {
      for (const until = Date.now() + 20_000; ; ) {
        try {
          return await work();
        } catch (error) {
          const { kind } = error as { kind?: string };
          if (kind !== 'transient' || Date.now() > until) throw error;
        }
      }
    };

    test('a spot that holds nothing says so, and allows everything', async () => {
      const spot = await under.freshSpot();
      const check = await store.check(spot, policy);
      expect(check.refusal).toBeNull();
      expect(check.rights.filter(({ granted }) => granted === false)).toEqual([]);
      expect(await store.read(spot, policy)).toEqual(
        store.promises.readsBack ? { kind: 'absent' } : { kind: 'unreadable' },
      );
      expect(await under.valueOf(spot)).toBeNull();
    });

    test('what was written is what applications read, exactly, and does not print', async () => {
      const spot = await under.freshSpot();
      await put(spot, 'one', r(1));
      expect(await under.valueOf(spot)).toBe('sk-or-v1-one');
      const held = await store.read(spot, policy);
      expect(held.kind).toBe(store.promises.readsBack ? 'held' : 'unreadable');
      if (held.kind === 'held') expect(digestOf(held.value)).toBe(digest('one'));
      expect(JSON.stringify(held)).not.toContain('sk-or-v1');
    });

    test('the same write twice is one: a lost answer changes nothing', async () => {
      const spot = await under.freshSpot();
      const before = await store.capture(spot, r(1));
      const first = await store.write(spot, value('one'), r(1), before.memento);
      const sent = under.changesSent?.();
      const second = await store.write(spot, value('one'), r(1), before.memento);
      expect(second.version).toBe(first.version);
      expect(under.changesSent?.()).toBe(sent);
      expect(await holds(spot)).toBe('one');
    });

    test('undoing a write puts the former value back, and undoing twice is undoing once', async () => {
      const spot = await under.freshSpot();
      await put(spot, 'old', r(1));
      const before = await put(spot, 'new', r(2));
      expect(await undo(spot, before, 'new', r(2))).toMatchObject({ end: 'restored', shown: true });
      expect(await holds(spot)).toBe('old');
      expect(await undo(spot, before, 'new', r(2))).toMatchObject({ end: 'restored' });
      expect(await holds(spot)).toBe('old');
    });

    test('undoing the first write leaves nothing', async () => {
      const spot = await under.freshSpot();
      const before = await put(spot, 'new', r(1));
      await undo(spot, before, 'new', r(1));
      expect(await under.valueOf(spot)).toBeNull();
      await put(spot, 'next', r(2));
      expect(await holds(spot)).toBe('next');
    });

    test('undoing a write that never happened changes nothing', async () => {
      const spot = await under.freshSpot();
      await put(spot, 'old', r(1));
      const before = await store.capture(spot, r(2));
      const sent = under.changesSent?.();
      expect(await undo(spot, before, 'new', r(2))).toMatchObject({ end: 'restored' });
      expect(under.changesSent?.()).toBe(sent);
      expect(await holds(spot)).toBe('old');
    });

    test('what somebody else wrote is not overwritten by an undo, nor taken away', async () => {
      const spot = await under.freshSpot();
      await put(spot, 'old', r(1));
      const before = await put(spot, 'new', r(2));
      await under.tamper(spot, 'sk-or-v1-theirs');
      if (store.promises.owns) return;
      expect(await undo(spot, before, 'new', r(2))).toMatchObject({ end: 'left', shown: true });
      expect(await holds(spot)).toBe('theirs');
      expect(await store.remove(spot, policy, [digest('old'), digest('new')])).toBe('left');
      expect(await holds(spot)).toBe('theirs');
    });

    test('what changed between capture and write is not overwritten', async () => {
      if (store.promises.owns) return;
      const spot = await under.freshSpot();
      await put(spot, 'old', r(1));
      const before = await store.capture(spot, r(2));
      await under.tamper(spot, 'sk-or-v1-theirs');
      await expect(patiently(() => store.write(spot, value('new'), r(2), before.memento))).rejects.toMatchObject({
        code: 'KEYTURN_PLACE_CHANGED',
      });
      expect(await holds(spot)).toBe('theirs');
    });

    test('after an undone rotation the next one writes as if it had not been', async () => {
      const spot = await under.freshSpot();
      await put(spot, 'old', r(1));
      await undo(spot, await put(spot, 'failed', r(2)), 'failed', r(2));
      const before = await put(spot, 'new', r(3));
      expect(await holds(spot)).toBe('new');
      await undo(spot, before, 'new', r(3));
      expect(await holds(spot)).toBe('old');
    });

    test('removing takes our value and frees the spot; twice is once', async () => {
      const spot = await under.freshSpot();
      await put(spot, 'one', r(1));
      await put(spot, 'two', r(2));
      expect(await store.remove(spot, policy, [digest('one'), digest('two')])).toBe('removed');
      expect(await store.remove(spot, policy, [digest('two')])).toBe('removed');
      expect(await under.valueOf(spot)).toBeNull();
    });

    test('removing what was never there ends well', async () => {
      expect(await store.remove(await under.freshSpot(), policy, [digest('one')])).toBe('removed');
    });

    test('asking changes nothing', async () => {
      const spot = await under.freshSpot();
      await put(spot, 'one', r(1));
      const sent = under.changesSent?.();
      await store.check(spot, policy);
      await store.read(spot, policy);
      await store.capture(spot, r(2));
      await store.addressOf(spot);
      expect(under.changesSent?.()).toBe(sent);
      expect(await holds(spot)).toBe('one');
    });

    test('an answer that was lost is looked for, and the write is not sent again', async (context) => {
      if (under.loseNextAnswer === undefined || under.changesSent === undefined) return context.skip();
      const spot = await under.freshSpot();
      await put(spot, 'old', r(1));
      const normal = await changesOf(() => put(spot, 'newer', r(2)));
      const before = await store.capture(spot, r(3));
      under.loseNextAnswer();
      const changes = await changesOf(() => patiently(() => store.write(spot, value('newest'), r(3), before.memento)));
      expect(changes).toBe(normal);
      expect(await holds(spot)).toBe('newest');
      under.loseNextAnswer();
      await patiently(() => undo(spot, before, 'newest', r(3)));
      expect(await holds(spot)).toBe('newer');
    });

    test('two spots of one container are written at once, and nothing beside them is lost', async (context) => {
      if (under.fields === undefined) return context.skip();
      const { one, other, besides } = await under.fields();
      const untouched = await besides();
      await Promise.all([put(one, 'one', r(1)), put(other, 'other', r(2))]);
      const [beforeOne] = await Promise.all([put(one, 'one again', r(3)), put(other, 'other again', r(4))]);
      expect(await holds(one)).toBe('one again');
      expect(await holds(other)).toBe('other again');
      await undo(one, beforeOne, 'one again', r(3));
      expect(await holds(one)).toBe('one');
      expect(await holds(other)).toBe('other again');
      await store.remove(other, policy, [digest('other again')]);
      expect(await under.valueOf(other)).toBeNull();
      expect(await holds(one)).toBe('one');
      expect(await besides()).toEqual(untouched);
    });

    async function changesOf(work: () => Promise<unknown>): Promise<number> {
      const before = under.changesSent?.() ?? 0;
      await work();
      return (under.changesSent?.() ?? 0) - before;
    }
  });
}
