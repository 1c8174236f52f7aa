import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { digestOf, Secret } from '../../../secrets/secret.ts';
import type { Spot, Store } from '../../../stores/store.ts';
import { describeOnCluster } from './cluster-under-test.ts';
import { isChange, type LossyWay, type Passing } from './lossy-way.ts';
import { status } from './pretended-cluster.ts';

await describeOnCluster('faults', (cluster) => {
  const { way } = cluster;
  let namespace: string;
  let store: Store;
  beforeAll(async () => {
    namespace = await cluster.namespace();
    store = cluster.store(cluster.adminToken, namespace, way.url);
  });
  afterEach(() => {
    way.fate = () => undefined;
  });
  afterAll(() => store?.close?.());

  const field = 'KEY';
  const writer = { policy: 'checkout', rotationId: 'r1' };
  const value = (text: string) => new Secret(`sk-or-v1-${text}`);
  const capture = async (spot: Spot) => (await store.capture(spot, writer)).memento;
  const changes = () => way.passed.filter(isChange).length;
  /** The first request like this meets `fate`; the others pass. */
  const first = (is: (passing: Passing) => boolean, fate: Awaited<ReturnType<LossyWay['fate']>>) => {
    way.fate = (passing) => {
      if (!is(passing)) return undefined;
      way.fate = () => undefined;
      return fate;
    };
  };
  const failure = (work: Promise<unknown>) =>
    work.then(
      () => undefined,
      (error) => error,
    );

  async function existing(data: Record<string, string> = { [field]: 'sk-or-v1-old', other: 'x' }): Promise<Spot> {
    return { name: await cluster.make(namespace, data), field };
  }
  const dataOf = async ({ name }: Spot) => (await cluster.get(namespace, name))?.data;

  describe('an answer that was lost', () => {
    test('or that was 500 after the change was done, is looked for: the change is not sent again', async () => {
      const spot = await existing();
      const before = await capture(spot);
      const sent = changes();
      way.fate = async (passing) => {
        if (!isChange(passing)) return undefined;
        const { path, type } = { path: passing.url, type: 'application/merge-patch+json' };
        await cluster.must('PATCH', path, JSON.parse(passing.body), type);
        return status(500, 'InternalError');
      };
      await store.write(spot, value('new'), writer, before);
      expect(changes() - sent).toBe(1);
      expect(await dataOf(spot)).toEqual({ [field]: 'sk-or-v1-new', other: 'x' });
    });

    test('of a deletion leaves nothing behind, and takes nothing that was made anew', async () => {
      const spot = { name: cluster.fresh('made'), field };
      const before = await capture(spot);
      await store.write(spot, value('new'), writer, before);
      first(({ method }) => method === 'DELETE', 'lose the answer');
      expect(await store.restore(spot, before, writer, digestOf(value('new')), null)).toMatchObject({ shown: true });
      expect(await cluster.get(namespace, spot.name)).toBeNull();
    });
  });

  test('a request that was lost is not sent again by itself: the next try looks first, then writes once', async () => {
    const spot = await existing();
    const before = await capture(spot);
    const sent = changes();
    first(isChange, 'lose the request');
    const told = await failure(store.write(spot, value('new'), writer, before));
    expect(told).toMatchObject({
      code: 'KEYTURN_STORE_UNAVAILABLE',
      message: expect.stringContaining('answer to a write was lost'),
    });
    expect(changes() - sent).toBe(1);
    expect(await dataOf(spot)).toMatchObject({ [field]: 'sk-or-v1-old' });
    await store.write(spot, value('new'), writer, before);
    expect(await dataOf(spot)).toEqual({ [field]: 'sk-or-v1-new', other: 'x' });
  });

  test.each([
    [{ 'retry-after': '7' }, 7_000],
    [{}, undefined],
  ])('a cluster that is overloaded is asked again when it said so: %j', async (headers, retryAfterMs) => {
    const spot = await existing();
    const before = await capture(spot);
    first(isChange, { ...status(429, 'TooManyRequests'), headers: headers as Record<string, string> });
    const told = await failure(store.write(spot, value('new'), writer, before));
    expect(told).toMatchObject({ code: 'KEYTURN_STORE_UNAVAILABLE', kind: 'transient', retryAfterMs });
    first(({ method }) => method === 'GET', {
      ...status(429, 'TooManyRequests'),
      headers: headers as Record<string, string>,
    });
    expect(await failure(store.read(spot, ''))).toMatchObject({ kind: 'transient', retryAfterMs });
  });

  test('a 404 of something in between is not an empty place', async () => {
    const spot = await existing();
    first(({ method }) => method === 'GET', { status: 404, json: { error: 'no backend' } });
    await expect(store.read(spot, '')).rejects.toMatchObject({ code: 'KEYTURN_STORE_UNAVAILABLE' });
  });

  describe('what others do meanwhile', () => {
    test('two policies with two keys of one Secret, 100 times at once: nothing of either is lost, nor what is beside them', async () => {
      const name = await cluster.make(namespace, { besides: 'untouched' });
      const rotate = async (field: string) => {
        const spot = { name, field };
        for (let n = 1; n <= 100; n++) {
          const own = { policy: field, rotationId: `r${n}` };
          const { memento } = await store.capture(spot, own);
          await store.write(spot, value(`${field}-${n}`), own, memento);
          const held = await store.read(spot, field);
          if (held.kind !== 'held' || held.value.reveal() !== `sk-or-v1-${field}-${n}`)
            throw new Error(`${field} lost ${n}`);
          if (n % 10 === 0) await store.restore(spot, memento, own, digestOf(value(`${field}-${n}`)), null);
        }
      };
      const sent = changes();
      await Promise.all([rotate('ONE'), rotate('OTHER')]);
      const data = { ONE: 'sk-or-v1-ONE-99', OTHER: 'sk-or-v1-OTHER-99', besides: 'untouched' };
      expect((await cluster.get(namespace, name))?.data).toEqual(data);
      // They did get into each other's way.
      expect(changes() - sent).toBeGreaterThan(220);
    }, 120_000);

    test('two that make one Secret at the same moment both find their key in it; the last one out takes it away', async () => {
      const name = cluster.fresh('made');
      const [one, other] = [
        { name, field: 'ONE' },
        { name, field: 'OTHER' },
      ];
      const before = [await capture(one), await capture(other)] as const;
      await Promise.all([
        store.write(one, value('1'), writer, before[0]),
        store.write(other, value('2'), writer, before[1]),
      ]);
      expect(await dataOf(one)).toEqual({ ONE: 'sk-or-v1-1', OTHER: 'sk-or-v1-2' });
      await store.restore(one, before[0], writer, digestOf(value('1')), null);
      expect(await dataOf(one)).toEqual({ OTHER: 'sk-or-v1-2' });
      await store.restore(other, before[1], writer, digestOf(value('2')), null);
      expect(await cluster.get(namespace, name)).toBeNull();
    });

    test.each<[string, object]>([
      ['a key', { data: { theirs: 'eA==' } }],
      ['an owner', { metadata: { ownerReferences: [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'a', uid: 'u-1' }] } }],
      ['a finalizer', { metadata: { finalizers: ['example.com/keep'] } }],
      ['a name of their own for it', { metadata: { annotations: { 'keyturn.dev/created': null } } }],
    ])('a Secret that Keyturn made and others gave %s stays, without our key', async (_, patch) => {
      const spot = { name: cluster.fresh('made'), field };
      const before = await capture(spot);
      await store.write(spot, value('new'), writer, before);
      await cluster.patch(namespace, spot.name, patch);
      await store.restore(spot, before, writer, digestOf(value('new')), null);
      expect(await dataOf(spot)).toEqual('data' in patch ? { theirs: 'x' } : {});
    });

    test('a key added between the look and the deletion of a Secret is not deleted with it', async () => {
      const spot = { name: cluster.fresh('made'), field };
      const before = await capture(spot);
      await store.write(spot, value('new'), writer, before);
      way.fate = async ({ method }) => {
        if (method !== 'DELETE') return undefined;
        way.fate = () => undefined;
        await cluster.patch(namespace, spot.name, { data: { theirs: 'eA==' } });
        return undefined;
      };
      await store.restore(spot, before, writer, digestOf(value('new')), null);
      expect(await dataOf(spot)).toEqual({ theirs: 'x' });
    });

    test('a value changed between the look and the write stays', async () => {
      const spot = await existing();
      const before = await capture(spot);
      way.fate = async ({ method }) => {
        if (method !== 'PATCH') return undefined;
        way.fate = () => undefined;
        await cluster.patch(namespace, spot.name, { data: { [field]: 'dGhlaXJz' } });
        return undefined;
      };
      const told = await failure(store.write(spot, value('new'), writer, before));
      expect(told).toMatchObject({ code: 'KEYTURN_PLACE_CHANGED' });
      expect(await dataOf(spot)).toMatchObject({ [field]: 'theirs' });
    });

    test('a Secret made anew under the same name between the look and the write is another one', async () => {
      const spot = await existing();
      const before = await capture(spot);
      way.fate = async ({ method }) => {
        if (method !== 'PATCH') return undefined;
        way.fate = () => undefined;
        await cluster.remove(namespace, spot.name);
        await cluster.make(namespace, { [field]: 'theirs' }, { name: spot.name });
        return undefined;
      };
      const told = await failure(store.write(spot, value('new'), writer, before));
      expect(told).toMatchObject({ code: 'KEYTURN_PLACE_CHANGED' });
      expect(await dataOf(spot)).toEqual({ [field]: 'theirs' });
    });

    test('a value changed between the look and the undo stays', async () => {
      const spot = await existing();
      const before = await capture(spot);
      await store.write(spot, value('new'), writer, before);
      way.fate = async ({ method }) => {
        if (method !== 'PATCH') return undefined;
        way.fate = () => undefined;
        await cluster.patch(namespace, spot.name, { data: { [field]: 'dGhlaXJz' } });
        return undefined;
      };
      const end = await store.restore(spot, before, writer, digestOf(value('new')), null);
      expect(end).toMatchObject({ end: 'left', shown: true });
      expect(await dataOf(spot)).toMatchObject({ [field]: 'theirs' });
    });

    test('a controller that took the Secret over since the write does not keep our key from being taken back', async () => {
      const spot = await existing();
      const before = await capture(spot);
      await store.write(spot, value('new'), writer, before);
      const owner = { apiVersion: 'example.com/v1', kind: 'ExternalSecret', name: 'a', uid: 'u-1', controller: true };
      await cluster.patch(namespace, spot.name, { metadata: { ownerReferences: [owner] } });
      await store.restore(spot, before, writer, digestOf(value('new')), null);
      expect(await dataOf(spot)).toMatchObject({ [field]: 'sk-or-v1-old' });
    });

    test('a Secret that was made immutable since the write cannot be put back: it says so', async () => {
      const spot = await existing();
      const before = await capture(spot);
      await store.write(spot, value('new'), writer, before);
      await cluster.patch(namespace, spot.name, { immutable: true });
      const told = await failure(store.restore(spot, before, writer, digestOf(value('new')), null));
      expect(told).toMatchObject({ code: 'KEYTURN_STORE_REFUSED', message: expect.stringContaining('immutable') });
    });

    test('a Secret that is gone since the capture is not made anew: that is for its people to decide', async () => {
      const spot = await existing();
      const before = await capture(spot);
      await cluster.remove(namespace, spot.name);
      await expect(store.write(spot, value('new'), writer, before)).rejects.toMatchObject({
        code: 'KEYTURN_PLACE_CHANGED',
      });
      expect(await cluster.get(namespace, spot.name)).toBeNull();
    });
  });

  test('a worker that was frozen after its look sends nothing when it wakes', async () => {
    const spot = await existing();
    let frozenMs = 0;
    const frozen = cluster.store(cluster.adminToken, namespace, way.url, () => Date.now() + frozenMs);
    const { memento } = await frozen.capture(spot, writer);
    way.fate = () => {
      frozenMs = 20_000;
      return undefined;
    };
    const sent = changes();
    const told = await failure(frozen.write(spot, value('new'), writer, memento));
    expect(told).toMatchObject({
      code: 'KEYTURN_STORE_UNAVAILABLE',
      message: expect.stringContaining('too long to be sent'),
    });
    expect(changes()).toBe(sent);
    await frozen.close?.();
  });

  test('what is no text is put back byte for byte', async () => {
    const bytes = Buffer.from([0xff, 0x00, 0xfe, 0x0a]).toString('base64');
    const spot = await existing();
    await cluster.patch(namespace, spot.name, { data: { [field]: bytes } });
    const before = await capture(spot);
    await store.write(spot, value('new'), writer, before);
    await store.restore(spot, before, writer, digestOf(value('new')), null);
    const path = `/api/v1/namespaces/${namespace}/secrets/${spot.name}`;
    expect((await cluster.must('GET', path)).data).toMatchObject({ [field]: bytes });
  });

  test('the cluster prints the whole Secret into an error: nothing of it is passed on', async () => {
    const spot = await existing({ [field]: 'sk-or-v1-old-hidden', other: 'x' });
    const before = await capture(spot);
    // An illegal base64, which only something on the way could make of it.
    const answers: string[] = [];
    way.fate = async (passing) => {
      if (!isChange(passing)) return undefined;
      const spoilt = JSON.parse(passing.body);
      spoilt.data.ILLEGAL = '*';
      const { status, json } = await cluster.ask('PATCH', passing.url, spoilt, 'application/merge-patch+json');
      answers.push(JSON.stringify(json));
      return { status, json };
    };
    const told = await failure(store.write(spot, value('new-hidden'), writer, before));
    const inAnswer = Buffer.from('sk-or-v1-old-hidden').toString('base64');
    expect(answers.join()).toMatch(new RegExp(`${inAnswer}|illegal base64`));
    expect(told).toMatchObject({ name: 'KeyturnError' });
    expect(`${told} ${told.stack} ${JSON.stringify(told)} ${JSON.stringify(Object.entries(told))}`).not.toMatch(
      /hidden|c2stb3It|aGlkZGVu|oaWRkZW|illegal/,
    );
  });
});
