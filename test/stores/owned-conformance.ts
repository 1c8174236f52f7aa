import { describe, expect, test } from 'vitest';
import { Secret } from '../../secrets/secret.ts';
import type { Store } from '../../stores/store.ts';
import { byOwner, type SecretRef } from './by-owner.ts';

const checkout: SecretRef = { policy: 'checkout', name: 'OPENROUTER_API_KEY' };
const search: SecretRef = { policy: 'search', name: 'SEARCH_KEY' };
const intruder: SecretRef = { policy: 'intruder', name: checkout.name };

/** What a store promises that knows its owners and refuses late writes. `open` gives a store that holds nothing. */
export function describeOwnedStore(what: string, open: () => Store): void {
  const openEmpty = async () => byOwner(open());
  const holds = async (store: ReturnType<typeof byOwner>, secret: SecretRef) => {
    const held = await store.read(secret);
    return held.kind === 'held' ? held.value.reveal() : held.kind;
  };
  const value = (text: string) => new Secret(`sk-or-v1-${text}`);
  const refused = (code: string) => expect.objectContaining({ code });

  describe(`${what} knows its owners and refuses late writes`, () => {
    test('a new store holds nothing and allows everything', async () => {
      const store = await openEmpty();
      await store.check(checkout);
      expect(await store.capture(checkout)).toBeNull();
      expect(await store.read(checkout)).toEqual({ kind: 'absent' });
    });

    test('what was written is read, exactly', async () => {
      const store = await openEmpty();
      for (const [at, text] of ['plain', 'zwölf 🔑', ' spaces ', 'a\nb', 'x'.repeat(10_000)].entries()) {
        await store.write(checkout, value(text), `r${at}`);
        expect(await holds(store, checkout)).toBe(`sk-or-v1-${text}`);
      }
    });

    test('a value that is held does not print', async () => {
      const store = await openEmpty();
      await store.write(checkout, value('one'), 'r1');
      expect(JSON.stringify(await store.read(checkout))).not.toContain('sk-or-v1');
    });

    test('secrets do not touch each other', async () => {
      const store = await openEmpty();
      await store.write(checkout, value('one'), 'r1');
      await store.write(search, value('two'), 'r1');
      await store.restore(checkout, null, 'r1');
      await store.remove(checkout);
      expect(await holds(store, search)).toBe('sk-or-v1-two');
    });

    test('the same write twice is one: a lost answer changes nothing', async () => {
      const store = await openEmpty();
      await store.write(checkout, value('one'), 'r1');
      await store.write(checkout, value('two'), 'r2');
      const before = await store.capture(checkout);
      await store.write(checkout, value('two'), 'r2');
      expect(await store.capture(checkout)).toEqual(before);
      await store.restore(checkout, null, 'r3');
      expect(await holds(store, checkout)).toBe('sk-or-v1-two');
    });

    test('a late write of a former rotation does not put its old key back', async () => {
      const store = await openEmpty();
      for (const n of [1, 2, 3, 4]) await store.write(checkout, value(`key ${n}`), `r${n}`);
      for (const n of [3, 2, 1]) await store.write(checkout, value(`key ${n}`), `r${n}`);
      expect(await holds(store, checkout)).toBe('sk-or-v1-key 4');
    });

    test('undoing a write puts the former value back', async () => {
      const store = await openEmpty();
      await store.write(checkout, value('old'), 'r1');
      const before = await store.capture(checkout);
      await store.write(checkout, value('new'), 'r2');
      await store.restore(checkout, before, 'r2');
      expect(await holds(store, checkout)).toBe('sk-or-v1-old');
      expect(await store.capture(checkout)).toEqual(before);
    });

    test('undoing the first write leaves nothing, and the name free', async () => {
      const store = await openEmpty();
      const before = await store.capture(checkout);
      await store.write(checkout, value('new'), 'r1');
      await store.restore(checkout, before, 'r1');
      expect(await store.read(checkout)).toEqual({ kind: 'absent' });
      expect(await store.capture(checkout)).toBeNull();
      await store.check(intruder);
    });

    test('undoing twice is undoing once', async () => {
      const store = await openEmpty();
      await store.write(checkout, value('old'), 'r1');
      const before = await store.capture(checkout);
      await store.write(checkout, value('new'), 'r2');
      await store.restore(checkout, before, 'r2');
      await store.restore(checkout, before, 'r2');
      expect(await holds(store, checkout)).toBe('sk-or-v1-old');
    });

    test('undoing a write that never happened keeps the value, and refuses the write when it comes', async () => {
      const store = await openEmpty();
      await store.write(checkout, value('old'), 'r1');
      const before = await store.capture(checkout);
      await store.restore(checkout, before, 'r2');
      await expect(store.write(checkout, value('late'), 'r2')).rejects.toEqual(refused('KEYTURN_STORE_CLOSED'));
      expect(await holds(store, checkout)).toBe('sk-or-v1-old');
    });

    test('a late write of an undone rotation is refused, on an empty store too', async () => {
      const store = await openEmpty();
      await store.write(checkout, value('new'), 'r1');
      await store.restore(checkout, null, 'r1');
      await expect(store.write(checkout, value('new'), 'r1')).rejects.toEqual(refused('KEYTURN_STORE_CLOSED'));
      expect(await store.read(checkout)).toEqual({ kind: 'absent' });
    });

    test('a late undo does not take away what another rotation wrote since', async () => {
      const store = await openEmpty();
      const before = await store.capture(checkout);
      await store.write(checkout, value('one'), 'r1');
      await store.write(checkout, value('two'), 'r2');
      await store.restore(checkout, before, 'r1');
      expect(await holds(store, checkout)).toBe('sk-or-v1-two');

      const held = await store.capture(checkout);
      await store.write(checkout, value('three'), 'r3');
      await store.write(checkout, value('four'), 'r4');
      await store.restore(checkout, held, 'r3');
      expect(await holds(store, checkout)).toBe('sk-or-v1-four');
    });

    test('after an undone rotation the next one writes as if it had not been', async () => {
      const store = await openEmpty();
      await store.write(checkout, value('old'), 'r1');
      const before = await store.capture(checkout);
      await store.write(checkout, value('failed'), 'r2');
      await store.restore(checkout, before, 'r2');
      await store.write(checkout, value('new'), 'r3');
      expect(await holds(store, checkout)).toBe('sk-or-v1-new');
      await store.restore(checkout, before, 'r3');
      expect(await holds(store, checkout)).toBe('sk-or-v1-old');
    });

    test('versions are told apart: what is captured before and after a write differs', async () => {
      const store = await openEmpty();
      await store.write(checkout, value('same text'), 'r1');
      const first = await store.capture(checkout);
      await store.write(checkout, value('same text'), 'r2');
      expect(await store.capture(checkout)).not.toEqual(first);
    });

    test('a name that belongs to another policy is refused, and its value stays', async () => {
      const store = await openEmpty();
      await store.write(checkout, value('mine'), 'r1');
      const owned = refused('KEYTURN_SECRET_OWNED');
      await expect(store.check(intruder)).rejects.toEqual(owned);
      await expect(store.capture(intruder)).rejects.toEqual(owned);
      await expect(store.write(intruder, value('theirs'), 'r1')).rejects.toEqual(owned);
      await expect(store.write(intruder, value('theirs'), 'r2')).rejects.toEqual(owned);
      await expect(store.read(intruder)).rejects.toEqual(owned);
      expect(await holds(store, checkout)).toBe('sk-or-v1-mine');
    });

    test('the error names the owner and no value', async () => {
      const store = await openEmpty();
      await store.write(checkout, value('mine'), 'r1');
      const error = await store.write(intruder, value('theirs'), 'r2').catch((thrown) => thrown);
      expect(error.message).toContain('"checkout"');
      expect(JSON.stringify(error) + error.stack).not.toContain('sk-or-v1');
    });

    test('undoing and removing of a policy that does not own the name ends well and takes nothing', async () => {
      const store = await openEmpty();
      await store.write(checkout, value('mine'), 'r1');
      await store.restore(intruder, null, 'r1');
      await store.remove(intruder);
      await store.remove(intruder);
      expect(await holds(store, checkout)).toBe('sk-or-v1-mine');
      await store.write(checkout, value('next'), 'r2');
      expect(await holds(store, checkout)).toBe('sk-or-v1-next');
    });

    test('removing takes the value and frees the name; twice is once', async () => {
      const store = await openEmpty();
      await store.write(checkout, value('one'), 'r1');
      await store.write(checkout, value('two'), 'r2');
      await store.remove(checkout);
      await store.remove(checkout);
      expect(await store.read(checkout)).toEqual({ kind: 'absent' });
      await store.check(intruder);
      await store.write(intruder, value('theirs'), 'r1');
      expect(await holds(store, intruder)).toBe('sk-or-v1-theirs');
    });

    test('removing what was never there ends well', async () => {
      const store = await openEmpty();
      await store.remove(checkout);
      expect(await store.read(checkout)).toEqual({ kind: 'absent' });
    });

    test('asking changes nothing', async () => {
      const store = await openEmpty();
      await store.check(checkout);
      await store.read(checkout);
      await store.capture(checkout);
      await store.write(intruder, value('first come'), 'r1');
      const before = await store.capture(intruder);
      await store.check(intruder);
      await store.read(intruder);
      expect(await store.capture(intruder)).toEqual(before);
    });
  });
}
