import { randomUUID } from 'node:crypto';
import { inspect } from 'node:util';
import { CreateSecretCommand, DeleteSecretCommand, PutSecretValueCommand } from '@aws-sdk/client-secrets-manager';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { digestOf, Secret } from '../../../secrets/secret.ts';
import { awsSecretsManager } from '../../../stores/aws-secrets-manager/kind.ts';
import type { Memento, Spot, Store } from '../../../stores/store.ts';
import { type Injection, isChange } from '../aws/aws-proxy.ts';
import { openAwsWorld } from '../aws/aws-world.ts';
import { textOf } from './application.ts';

const world = await openAwsWorld();
if ('unavailable' in world) console.warn(`Not tested: what AWS Secrets Manager refuses. ${world.unavailable}`);

const held = 'sk-or-v1-held-by-the-secret';
const ours = new Secret('sk-or-v1-of-this-rotation');
const writer = { policy: 'checkout', rotationId: 'r1' };

describe.skipIf('unavailable' in world)('what is refused with AWS Secrets Manager', () => {
  if ('unavailable' in world) return;
  const { secrets, proxy } = world;
  let store: Store;
  beforeAll(async () => {
    store = await world.open(awsSecretsManager);
  });
  afterEach(() => proxy.reset());
  afterAll(() => world.close());

  const created = async (text = held): Promise<Spot> => {
    const name = `prod/${randomUUID()}`;
    await secrets.send(new CreateSecretCommand({ Name: name, SecretString: text }));
    return { name, field: null };
  };
  const write = async (spot: Spot, memento?: Memento) =>
    store.write(spot, ours, writer, memento ?? (await store.capture(spot, writer)).memento);
  /** What a person sees; and that nothing of it holds a secret, nor a text of the server. */
  async function failureOf(work: () => Promise<unknown>) {
    const error = await work().then(
      () => expect.fail('it did not fail'),
      (thrown: Error & { code: string; kind: string; retryAfterMs?: number }) => thrown,
    );
    for (const shown of [inspect(error, { depth: 9, showHidden: true }), JSON.stringify(error), String(error.stack)]) {
      expect(shown).not.toMatch(/sk-or-v1|text of the server|its-secret-key/);
    }
    return error;
  }
  const describedAs = (more: Record<string, unknown>) =>
    proxy.rules.push(({ action }) =>
      action === 'DescribeSecret' ? { kind: 'answer', edit: (answer) => ({ ...answer, ...more }) } : undefined,
    );

  test.each([
    ['AWS rotates it', { RotationEnabled: true }, /two rotations would fight/],
    ['a service of AWS owns it', { OwningService: 'rds' }, /managed by the service rds/],
    ['a partner of AWS keeps it', { Type: 'Salesforce' }, /managed external secret/],
    ['it is a replica', { PrimaryRegion: 'us-east-1' }, /is a replica.* us-east-1/],
    [
      'it is in another account',
      { ARN: 'arn:aws:secretsmanager:eu-central-1:999999999999:secret:x-AbCdEf' },
      /999999999999/,
    ],
  ])('a secret is not written where %s', async (_, more, says) => {
    const account = (more as { ARN?: string }).ARN === undefined ? {} : { account: '123456789012' };
    const store = await world.open(awsSecretsManager, account);
    const spot = await created();
    const { memento } = await store.capture(spot, writer);
    describedAs(more);
    for (const work of [() => store.write(spot, ours, writer, memento), () => store.capture(spot, writer)]) {
      const error = await failureOf(work);
      expect(error).toMatchObject({ code: 'KEYTURN_STORE_REFUSED', message: expect.stringMatching(says) });
    }
    expect((await store.check(spot, 'checkout')).refusal).toMatch(says);
    expect(proxy.calls.filter(isChange)).toEqual([]);
    expect(await textOf(secrets, spot.name)).toBe(held);
  });

  test('its own region is no other one', async () => {
    const spot = await created();
    describedAs({ PrimaryRegion: 'eu-central-1', RotationEnabled: false });
    await write(spot);
    expect(await textOf(secrets, spot.name)).toBe(ours.reveal());
  });

  test('bytes are not written over, nor what is no object, nor a field that is no text', async () => {
    const name = `prod/${randomUUID()}`;
    await secrets.send(new CreateSecretCommand({ Name: name, SecretBinary: Buffer.from(held) }));
    const cases: [Spot, RegExp][] = [
      [{ name, field: null }, /bytes \(SecretBinary\)/],
      [{ ...(await created()), field: 'key' }, /not an object in JSON/],
      [{ ...(await created('{"key":{"a":1}}')), field: 'key' }, /is not text/],
      [{ name: 'arn:aws:secretsmanager:eu-central-1:123456789012:secret:prod', field: null }, /whole ARN/],
      [{ name: 'arn:aws:secretsmanager:us-east-1:123456789012:secret:x-AbCdEf', field: null }, /region us-east-1/],
      [{ name: 'no good name', field: null }, /neither the name/],
      [
        { name: 'arn:aws:secretsmanager:eu-central-1:123456789012:secret:gone-AbCdEf', field: null },
        /none of that ARN/,
      ],
    ];
    for (const [spot, says] of cases) {
      expect(await failureOf(() => write(spot))).toMatchObject({
        code: 'KEYTURN_STORE_REFUSED',
        message: expect.stringMatching(says),
      });
    }
    expect(proxy.calls.filter(isChange)).toEqual([]);
  });

  test('a secret that is marked for deletion is not written, and ends a removal', async () => {
    const spot = await created();
    const { memento } = await store.capture(spot, writer);
    await secrets.send(new DeleteSecretCommand({ SecretId: spot.name, RecoveryWindowInDays: 7 }));
    const error = await failureOf(() => store.write(spot, ours, writer, memento));
    expect(error.code).toBe('KEYTURN_PLACE_CHANGED');
    expect(await failureOf(() => write(spot))).toMatchObject({
      code: 'KEYTURN_STORE_REFUSED',
      message: expect.stringMatching(/marked for deletion.*restore-secret/),
    });
    expect((await store.check(spot, 'checkout')).refusal).toMatch(/marked for deletion/);
    expect(await store.remove(spot, 'checkout', [digestOf(ours)])).toBe('removed');
    expect(proxy.calls.filter(isChange)).toEqual([]);
  });

  test('marked for deletion in the moment before: AWS refuses it', async () => {
    const spot = await created();
    proxy.once('PutSecretValue', { kind: 'error', status: 400, type: 'InvalidRequestException' });
    const error = await failureOf(() => write(spot));
    expect(error).toMatchObject({
      code: 'KEYTURN_STORE_REFUSED',
      message: expect.stringMatching(/marked for deletion/),
    });
  });

  test('more than 64 KiB are not sent', async () => {
    const spot = { ...(await created(JSON.stringify({ big: 'x'.repeat(65_510) }))), field: 'key' };
    expect(await failureOf(() => write(spot))).toMatchObject({
      code: 'KEYTURN_STORE_REFUSED',
      message: expect.stringMatching(/would hold 655\d\d bytes/),
    });
    expect(proxy.calls.filter(isChange)).toEqual([]);
  });

  test('a name that is still being deleted is tried again', async () => {
    const spot: Spot = { name: `prod/${randomUUID()}`, field: null };
    proxy.once('CreateSecret', { kind: 'error', status: 400, type: 'InvalidRequestException' });
    expect(await failureOf(() => write(spot))).toMatchObject({
      code: 'KEYTURN_STORE_UNAVAILABLE',
      retryAfterMs: 5_000,
      message: expect.stringMatching(/still being deleted/),
    });
    await write(spot);
    expect(await textOf(secrets, spot.name)).toBe(ours.reveal());
  });

  const denied: Injection = { kind: 'error', status: 400, type: 'AccessDeniedException' };
  test.each([
    'DescribeSecret',
    'GetSecretValue',
    'PutSecretValue',
    'UpdateSecretVersionStage',
    'CreateSecret',
    'DeleteSecret',
  ])('without the right to %s a person reads its name', async (action) => {
    const spot: Spot = /Create|Delete/.test(action) ? { name: `prod/${randomUUID()}`, field: null } : await created();
    const work = async () => {
      const { memento } = await store.capture(spot, writer);
      await write(spot, memento);
      await store.restore(spot, memento, writer, digestOf(ours), null);
    };
    proxy.rules.push((call) => (call.action === action ? denied : undefined));
    expect(await failureOf(work)).toMatchObject({
      code: 'KEYTURN_STORE_REFUSED',
      message: expect.stringContaining(`the right secretsmanager:${action},`),
    });
  });

  test.each(['DescribeSecret', 'GetSecretValue', 'PutSecretValue', 'UpdateSecretVersionStage'])(
    'check names a missing right to %s, and changes nothing',
    async (action) => {
      const spot = await created();
      proxy.rules.push((call) => (call.action === action ? denied : undefined));
      const { rights, refusal } = await store.check(spot, 'checkout');
      expect(refusal).toBeNull();
      expect(rights.filter(({ granted }) => granted === false).map(({ right }) => right)).toEqual([
        `secretsmanager:${action}`,
      ]);
      expect(proxy.calls.filter(isChange)).toEqual([]);
    },
  );

  test('check: the rights of what is there, of what is not, and of a KMS key', async () => {
    const spot = await created();
    const granted = async (of: Spot) =>
      Object.fromEntries((await store.check(of, 'checkout')).rights.map(({ right, granted }) => [right, granted]));
    expect(await granted(spot)).toEqual({
      'secretsmanager:DescribeSecret': true,
      'secretsmanager:GetSecretValue': true,
      'secretsmanager:PutSecretValue': true,
      'secretsmanager:UpdateSecretVersionStage': true,
    });
    expect(await granted({ name: 'prod/nothing', field: null })).toEqual({
      'secretsmanager:DescribeSecret': true,
      'secretsmanager:GetSecretValue': null,
      'secretsmanager:PutSecretValue': null,
      'secretsmanager:UpdateSecretVersionStage': null,
      'secretsmanager:CreateSecret': null,
      'secretsmanager:DeleteSecret': null,
    });
    const absent = await store.check({ name: 'prod/nothing', field: 'key' }, 'checkout');
    expect(absent.rights.some(({ right }) => right === 'secretsmanager:DeleteSecret')).toBe(false);
    expect(absent.warnings).toEqual(['There is no prod/nothing in eu-central-1 yet: it would be made.']);
    describedAs({ KmsKeyId: 'arn:aws:kms:eu-central-1:123456789012:key/k' });
    expect(await granted(spot)).toMatchObject({ 'kms:Decrypt': true, 'kms:GenerateDataKey': null });
    expect(await textOf(secrets, spot.name)).toBe(held);
  });

  test('check warns of a whole object, and of an endpoint out of the environment', async () => {
    const spot = await created('{"a":"1","b":"2"}');
    expect((await store.check(spot, 'checkout')).warnings).toEqual([expect.stringMatching(/object of 2 fields/)]);
    const env = { AWS_ENDPOINT_URL: proxy.url };
    const elsewhere = await world.open(awsSecretsManager, { endpoint: undefined }, { env });
    process.env.AWS_ENDPOINT_URL = proxy.url;
    try {
      const { warnings } = await elsewhere.check({ ...spot, field: 'a' }, 'checkout');
      expect(warnings).toEqual([expect.stringMatching(/^AWS_ENDPOINT_URL is set/)]);
    } finally {
      delete process.env.AWS_ENDPOINT_URL;
    }
  });

  test.each<[string, Injection, object]>([
    ['a throttle', { kind: 'error', status: 400, type: 'ThrottlingException' }, { retryAfterMs: 5_000 }],
    ['a quota', { kind: 'error', status: 400, type: 'LimitExceededException' }, { retryAfterMs: 5_000 }],
    [
      '429 of something in between',
      { kind: 'error', status: 429, body: '<html>', headers: { 'retry-after': '7' } },
      { retryAfterMs: 7_000 },
    ],
    [
      'a clock that is wrong',
      { kind: 'error', status: 400, type: 'InvalidSignatureException' },
      { message: expect.stringMatching(/clock/) },
    ],
    [
      '500',
      { kind: 'error', status: 500, type: 'InternalServiceError' },
      { message: expect.stringMatching(/it answered 500, request r-1/) },
    ],
    [
      '503 with Retry-After',
      { kind: 'error', status: 503, body: 'busy', headers: { 'retry-after': '9' } },
      { retryAfterMs: 9_000 },
    ],
  ])('%s is tried again later, by Temporal and nobody else', async (_, injection, expected) => {
    const spot = await created();
    proxy.rules.push(() => injection);
    const error = await failureOf(() => store.capture(spot, writer));
    expect(error).toMatchObject({ code: 'KEYTURN_STORE_UNAVAILABLE', kind: 'transient', ...expected });
    expect(proxy.calls.length).toBe(1);
  });

  test.each([
    ['DecryptionFailure', 'GetSecretValue'],
    ['EncryptionFailure', 'PutSecretValue'],
  ])('%s: the KMS key is named as the reason', async (type, action) => {
    const spot = await created();
    proxy.once(action, { kind: 'error', status: 400, type });
    expect(await failureOf(() => write(spot))).toMatchObject({
      code: 'KEYTURN_STORE_REFUSED',
      message: expect.stringMatching(/its KMS key is disabled/),
    });
  });

  test('a name and its ARN have one address; another endpoint, region or account has another', async () => {
    const spot = await created();
    const { ARN = '' } = await secrets.send(new PutSecretValueCommand({ SecretId: spot.name, SecretString: held }));
    const byName = await store.addressOf(spot);
    expect(await store.addressOf({ ...spot, name: ARN })).toBe(byName);
    expect(await store.addressOf({ ...spot, field: 'x' })).toBe(byName);
    for (const declared of [{ endpoint: moto() }, { region: 'us-east-1' }, { account: '123456789012' }]) {
      expect(await (await world.open(awsSecretsManager, declared)).addressOf(spot)).not.toBe(byName);
    }
    await store.write(
      { ...spot, name: ARN },
      ours,
      writer,
      (await store.capture({ ...spot, name: ARN }, writer)).memento,
    );
    expect(await textOf(secrets, spot.name)).toBe(ours.reveal());
  });

  const moto = () => ('moto' in world ? world.moto : '');
});
