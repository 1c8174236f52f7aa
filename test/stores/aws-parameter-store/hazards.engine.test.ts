import { randomUUID } from 'node:crypto';
import { inspect } from 'node:util';
import {
  DeleteParameterCommand,
  DescribeParametersCommand,
  GetParameterHistoryCommand,
  LabelParameterVersionCommand,
  PutParameterCommand,
  type PutParameterCommandInput,
} from '@aws-sdk/client-ssm';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { digestOf, Secret } from '../../../secrets/secret.ts';
import { awsParameterStore } from '../../../stores/aws-parameter-store/kind.ts';
import type { Memento, Spot, Store } from '../../../stores/store.ts';
import { type Call, type Injection, isChange } from '../aws/aws-proxy.ts';
import { openAwsWorld } from '../aws/aws-world.ts';
import { textOf, writeAsStranger } from './application.ts';

const world = await openAwsWorld();
if ('unavailable' in world) console.warn(`Not tested: hazards of AWS SSM Parameter Store. ${world.unavailable}`);

const held = 'sk-or-v1-held-by-it';
const ours = new Secret('sk-or-v1-of-this-rotation');
const writer = { policy: 'checkout', rotationId: 'r1' };

type Meanwhile = { picks?: (call: Call) => boolean; next?: Injection };

describe.skipIf('unavailable' in world)('hazards of AWS SSM Parameter Store', () => {
  if ('unavailable' in world) return;
  const { parameters, proxy } = world;
  let store: Store;
  beforeAll(async () => {
    store = await world.open(awsParameterStore);
  });
  afterEach(() => proxy.reset());
  afterAll(() => world.close());

  const created = async (text = held, like: Partial<PutParameterCommandInput> = {}): Promise<Spot> => {
    const name = `/prod/${randomUUID()}`;
    await parameters.send(new PutParameterCommand({ Name: name, Value: text, Type: 'SecureString', ...like }));
    return { name, field: null };
  };
  const write = async (spot: Spot, memento?: Memento, value = ours) =>
    store.write(spot, value, writer, memento ?? (await store.capture(spot, writer)).memento);
  const versionsOf = async ({ name }: Spot) => {
    const answer = await parameters.send(new GetParameterHistoryCommand({ Name: name, WithDecryption: true }));
    return answer.Parameters?.map(({ Value }) => Value) ?? [];
  };
  const describedOf = async ({ name }: Spot) => {
    const filter = { Key: 'Name', Option: 'Equals', Values: [name] };
    return (await parameters.send(new DescribeParametersCommand({ ParameterFilters: [filter] }))).Parameters?.[0];
  };
  async function failureOf(work: () => Promise<unknown>) {
    const error = await work().then(
      () => expect.fail('it did not fail'),
      (thrown: Error & { code: string }) => thrown,
    );
    for (const shown of [inspect(error, { depth: 9, showHidden: true }), JSON.stringify(error), String(error.stack)]) {
      expect(shown).not.toMatch(/sk-or-v1|text of the server/);
    }
    return error;
  }
  const patiently = async <T>(work: () => Promise<T>): Promise<T> => {
    for (let attempt = 1; ; attempt++) {
      try {
        return await work();
      } catch (error) {
        if ((error as { kind?: string }).kind !== 'transient' || attempt === 3) throw error;
      }
    }
  };
  /** `happens` right before the next write arrives: nobody can look in between. */
  const rightBefore = (happens: () => Promise<unknown>, { picks = isChange, ...next }: Meanwhile = {}) =>
    proxy.once(picks, { kind: 'after', happens, ...next });

  test('type, tier, KMS key, description and pattern stay, through a write and its undo', async () => {
    const like = { Tier: 'Advanced', KeyId: 'alias/ours', Description: 'of checkout', AllowedPattern: '^.*$' } as const;
    for (const spot of [await created(held, like), await created(held, { Type: 'String', Description: 'plain' })]) {
      const { Version, LastModifiedDate, ...before } = (await describedOf(spot)) ?? {};
      const { memento } = await store.capture(spot, writer);
      await write(spot, memento);
      expect(await describedOf(spot)).toMatchObject(before);
      const put = proxy.calls.find(({ action }) => action === 'PutParameter')?.input;
      expect(put).toMatchObject({ Type: before.Type, Tier: before.Tier, Description: before.Description });
      expect(put?.KeyId).toBe(before.KeyId);
      await store.restore(spot, memento, writer, digestOf(ours), null);
      expect(await describedOf(spot)).toMatchObject(before);
      expect(await versionsOf(spot)).toEqual([held, ours.reveal(), held]);
      proxy.reset();
    }
  });

  test('a new one is a SecureString, of the tier and key that are meant', async () => {
    const spot = { name: `/prod/${randomUUID()}`, field: null };
    const ofKey = await world.open(awsParameterStore, { kmsKey: 'alias/ours' });
    await ofKey.write(spot, ours, writer, (await ofKey.capture(spot, writer)).memento);
    expect(await describedOf(spot)).toMatchObject({ Type: 'SecureString', Tier: 'Standard', KeyId: 'alias/ours' });
  });

  test('what somebody wrote in the moment between is put back, and the rotation ends', async () => {
    const spot = await created();
    const { memento } = await store.capture(spot, writer);
    rightBefore(() => writeAsStranger(parameters, spot.name, 'theirs'));
    expect(await failureOf(() => write(spot, memento))).toMatchObject({ code: 'KEYTURN_PLACE_CHANGED' });
    expect(await textOf(parameters, spot.name)).toBe('theirs');
    expect(await versionsOf(spot)).toEqual([held, 'theirs', ours.reveal(), 'theirs']);
  });

  test('another field that somebody wrote in the moment between is kept, beside ours', async () => {
    const spot = { ...(await created('{"key":"old","hand":"a"}')), field: 'key' };
    rightBefore(() => writeAsStranger(parameters, spot.name, '{"key":"old","hand":"b"}'));
    await write(spot);
    expect(await textOf(parameters, spot.name)).toBe(`{"key":"${ours.reveal()}","hand":"b"}`);
  });

  test('somebody who writes while theirs is put back keeps the last word', async () => {
    const spot = await created();
    const { memento } = await store.capture(spot, writer);
    rightBefore(() => writeAsStranger(parameters, spot.name, 'theirs'));
    rightBefore(() => writeAsStranger(parameters, spot.name, 'theirs again'), {
      picks: (call) => isChange(call) && call.input.Value === 'theirs',
    });
    expect(await failureOf(() => write(spot, memento))).toMatchObject({ code: 'KEYTURN_PLACE_CHANGED' });
    expect(await textOf(parameters, spot.name)).toBe('theirs again');
  });

  test('a parameter that was deleted in the moment between does not come back', async () => {
    const spot = await created();
    await writeAsStranger(parameters, spot.name, 'second');
    const { memento } = await store.capture(spot, writer);
    rightBefore(() => parameters.send(new DeleteParameterCommand({ Name: spot.name })));
    expect(await failureOf(() => write(spot, memento))).toMatchObject({ code: 'KEYTURN_PLACE_CHANGED' });
    expect(await textOf(parameters, spot.name)).toBeNull();
  });

  test('a lost answer is looked for, and what somebody wrote before it is put back all the same', async () => {
    const spot = await created();
    const { memento } = await store.capture(spot, writer);
    proxy.once(isChange, { kind: 'answer lost' });
    await patiently(() => write(spot, memento));
    expect(await versionsOf(spot)).toEqual([held, ours.reveal()]);

    const next = new Secret('sk-or-v1-next');
    const { memento: before } = await store.capture(spot, { ...writer, rotationId: 'r2' });
    rightBefore(() => writeAsStranger(parameters, spot.name, 'theirs'), { next: { kind: 'answer lost' } });
    expect(await failureOf(() => write(spot, before, next))).toMatchObject({ code: 'KEYTURN_PLACE_CHANGED' });
    expect(await textOf(parameters, spot.name)).toBe('theirs');
  });

  test('a request that was lost is sent again by the caller alone, and is one version', async () => {
    const spot = await created();
    const { memento } = await store.capture(spot, writer);
    proxy.once(isChange, { kind: 'lost' });
    const error = await failureOf(() => write(spot, memento));
    // Nothing but time tells that it cannot arrive any more.
    expect(error).toMatchObject({ code: 'KEYTURN_STORE_UNAVAILABLE', retryAfterMs: 60_000 });
    await write(spot, memento);
    expect(await versionsOf(spot)).toEqual([held, ours.reveal()]);
  });

  test('an old value that is shown for a while is neither captured, nor taken for somebody else, nor for ours', async () => {
    const spot = await created('sk-or-v1-oldest');
    await writeAsStranger(parameters, spot.name, held);
    const old = (answer: Record<string, unknown>) => ({
      ...answer,
      Parameter: { ...(answer.Parameter as object), Value: 'sk-or-v1-oldest', Version: 1 },
    });
    proxy.once('GetParameter', { kind: 'answer', edit: old });
    const { memento } = await store.capture(spot, writer);
    await write(spot, memento);
    // From now on three answers are old ones.
    for (let n = 0; n < 3; n++) proxy.once('GetParameter', { kind: 'answer', edit: old });
    await write(spot, memento);
    expect(await store.restore(spot, memento, writer, digestOf(ours), null)).toMatchObject({ end: 'restored' });
    expect(await textOf(parameters, spot.name)).toBe(held);
  });

  test('two policies on two fields of one parameter, 20 rotations each at once: nothing is lost in one process', async () => {
    const { name } = await created('{ "one": "", "n": 1.0, "other": "" }');
    const rotations = async (field: string) => {
      for (let n = 1; n <= 20; n++) {
        const of = { policy: field, rotationId: `r${n}` };
        const { memento } = await patiently(() => store.capture({ name, field }, of));
        await patiently(() => store.write({ name, field }, new Secret(`sk-or-v1-${field}-${n}`), of, memento));
      }
    };
    await Promise.all([rotations('one'), rotations('other')]);
    expect(await textOf(parameters, name)).toBe('{ "one": "sk-or-v1-one-20", "n": 1.0, "other": "sk-or-v1-other-20" }');
  });

  test('a label on the oldest of 100 versions: nothing is written, and a person reads what to do', async () => {
    const spot = await created();
    await parameters.send(new LabelParameterVersionCommand({ Name: spot.name, ParameterVersion: 1, Labels: ['keep'] }));
    proxy.once('PutParameter', { kind: 'error', status: 400, type: 'ParameterMaxVersionLimitExceeded' });
    expect(await failureOf(() => write(spot))).toMatchObject({
      code: 'KEYTURN_STORE_REFUSED',
      message: expect.stringMatching(/oldest of its 100 versions has a label.*unlabel-parameter-version/),
    });
    expect(proxy.calls.some(({ action }) => action === 'LabelParameterVersion')).toBe(false);
  });

  test('what cannot be written is refused before anything is sent', async () => {
    const big = 'x'.repeat(4_080);
    const cases: [Spot, RegExp][] = [
      [
        { ...(await created(JSON.stringify({ big }))), field: 'key' },
        /would hold 4\d+ bytes, and the tier Standard takes 4096/,
      ],
      [{ ...(await created('{"a":"{{x"}')), field: 'key' }, /reference/],
      [{ ...(await created('plain')), field: 'key' }, /not an object in JSON/],
      [await created('a,b', { Type: 'StringList' }), /a list/],
      [{ name: '/aws/reference/secretsmanager/x', field: null }, /neither the name/],
      [{ name: 'ssm-of-ours', field: null }, /neither the name/],
      [{ name: '/prod/x:3', field: null }, /neither the name/],
      [{ name: 'arn:aws:ssm:us-east-1:123456789012:parameter/prod/x', field: null }, /region us-east-1/],
    ];
    for (const [spot, says] of cases) {
      const error = await failureOf(() => write(spot));
      expect(error).toMatchObject({ code: 'KEYTURN_STORE_REFUSED', message: expect.stringMatching(says) });
    }
    const advanced = { ...(await created(JSON.stringify({ big }), { Tier: 'Advanced' })), field: 'key' };
    proxy.reset();
    await write(advanced);
    expect(proxy.calls.filter(isChange).length).toBe(1);
  });

  test.each([
    ['ThrottlingException', 'KEYTURN_STORE_UNAVAILABLE', /too many requests/],
    ['TooManyUpdates', 'KEYTURN_STORE_UNAVAILABLE', /too many requests/],
    ['InvalidKeyId', 'KEYTURN_STORE_REFUSED', /its KMS key/],
    ['ParameterPatternMismatchException', 'KEYTURN_STORE_REFUSED', /AllowedPattern/],
    ['HierarchyTypeMismatchException', 'KEYTURN_STORE_REFUSED', /its type/],
    ['ValidationException', 'KEYTURN_STORE_REFUSED', /takes its name or its value/],
    ['AccessDeniedException', 'KEYTURN_STORE_REFUSED', /the right ssm:PutParameter/],
    ['SomethingNewException', 'KEYTURN_STORE_REFUSED', /AWS refuses it \(SomethingNewException, request r-1\)/],
  ])('%s is %s', async (type, code, says) => {
    const spot = await created();
    proxy.once('PutParameter', { kind: 'error', status: 400, type });
    expect(await failureOf(() => write(spot))).toMatchObject({ code, message: expect.stringMatching(says) });
    expect(await versionsOf(spot)).toEqual([held]);
  });

  test('a creation is undone by deleting as long as it is ours alone; a field of it stays an empty object', async () => {
    const spot = { name: `/prod/${randomUUID()}`, field: null };
    const { memento } = await store.capture(spot, writer);
    await write(spot, memento);
    await store.restore(spot, memento, writer, digestOf(ours), null);
    expect(await textOf(parameters, spot.name)).toBeNull();

    const inField = { ...spot, field: 'key' };
    const { memento: before } = await store.capture(inField, writer);
    await write(inField, before);
    await store.restore(inField, before, writer, digestOf(ours), null);
    expect(await textOf(parameters, spot.name)).toBe('{}');
    expect(await store.read(spot, '')).toEqual({ kind: 'absent' });
  });

  test('removing empties what Keyturn has not made', async () => {
    const spot = await created();
    await write(spot);
    expect(await store.remove(spot, 'checkout', [digestOf(ours)])).toBe('removed');
    expect(await textOf(parameters, spot.name)).toBe('{}');
  });

  test('a name and its ARN have one address', async () => {
    const of = (name: string) => store.addressOf({ name, field: null });
    expect(await of('arn:aws:ssm:eu-central-1:123456789012:parameter/prod/x')).toBe(await of('/prod/x'));
    expect(await of('arn:aws:ssm:eu-central-1:123456789012:parameter/x')).toBe(await of('x'));
    expect(await of('/x')).toBe(await of('x'));
    expect(await of('/prod/y')).not.toBe(await of('/prod/x'));
  });

  test('check: nothing is changed, a plain String is warned of, what is not there cannot be known', async () => {
    const spot = await created('{"a":"1"}', { Type: 'String' });
    const { rights, warnings, refusal } = await store.check(spot, 'checkout');
    expect(refusal).toBeNull();
    expect(rights.every(({ granted }) => granted === true)).toBe(true);
    expect(warnings).toEqual([expect.stringMatching(/not encrypted/), expect.stringMatching(/object of 1 field/)]);
    expect(await versionsOf(spot)).toEqual(['{"a":"1"}']);
    const absent = await store.check({ name: `/prod/${randomUUID()}`, field: null }, 'checkout');
    expect(absent.rights.map(({ granted }) => granted)).toEqual([true, null, true, null]);
    expect((await store.check(await created('a,b', { Type: 'StringList' }), 'checkout')).refusal).toMatch(/a list/);
  });
});
