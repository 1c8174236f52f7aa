import { afterAll, beforeAll, describe, test as plainTest } from 'vitest';
import type { StepReport } from '../../policy/life/state.ts';
import type { InjectionRule } from '../../simulator/index.ts';
import { hour } from '../policy/life/states.ts';
import { existingKeys, expectAgreement, keysEverMade } from './agreement.ts';
import { connectMain, shareTemporal, type World } from './own-world.ts';
import { endOfRotation, eventually, issueFirstKey, policyNamed, statusWhen } from './rotation.ts';

let shared: Awaited<ReturnType<typeof shareTemporal>>;
beforeAll(async () => {
  shared = await shareTemporal();
});
afterAll(() => shared.close());

/** Each test has an account, a vault and a worker to itself. */
const test = plainTest.extend<{ world: World }>({
  // biome-ignore lint/correctness/noEmptyPattern: vitest reads from this what the fixture needs
  world: async ({}, use) => {
    const world = await shared.newWorld();
    await use(world);
    await world.close();
  },
});

describe.concurrent('a create whose answer is not to be had', { timeout: 60_000 }, () => {
  const lost: [string, InjectionRule][] = [
    ['is reset', { on: 'createKey', when: 'after', kind: 'reset' }],
    ['breaks off in the middle', { on: 'createKey', when: 'after', kind: 'truncated' }],
    ['is a 500', { on: 'createKey', when: 'after', kind: 'status', status: 500 }],
    ["is a page of the edge's", { on: 'createKey', when: 'after', kind: 'html', status: 502 }],
    ['names no hash', { on: 'createKey', when: 'after', kind: 'no-hash' }],
  ];
  test.for(lost)('leaves no orphan where it %s', async ([_, rule], { world, expect }) => {
    const policy = nextPolicy();
    world.simulator.control.injections.add(rule);
    await issueFirstKey(world.keyturn, policyNamed(policy));
    const [orphan, kept, ...more] = keysEverMade(world, policy);
    expect(orphan?.state).toBe('deleted');
    expect(kept).toMatchObject({ state: 'live', name: 'demo-key' });
    expect(more).toEqual([]);
    expect((await world.keyturn.status(policy)).strays).toEqual([]);
    await expectAgreement(world, policy);
  });

  test('is on the watch list when it arrives after everybody has stopped looking', async ({ world, expect }) => {
    const policy = nextPolicy();
    const late = world.simulator.control.injections.add({ on: 'createKey', when: 'before', kind: 'late' });
    await issueFirstKey(world.keyturn, policyNamed(policy));
    await expectAgreement(world, policy);
    late.release();
    // It is looked for ten minutes after: awkward-hours.test.ts.
    await eventually(async () => keysEverMade(world, policy).length === 2);
    const { strays } = await world.keyturn.status(policy);
    expect(strays).toEqual([keysEverMade(world, policy).at(-1)?.name]);
  });
});

describe.concurrent('a rate limit', { timeout: 60_000 }, () => {
  test('is given the time it asks for', async ({ world, expect }) => {
    const policy = nextPolicy();
    world.simulator.control.injections.add({
      on: 'getKey',
      when: 'before',
      kind: 'status',
      status: 429,
      retryAfter: 4,
    });
    await issueFirstKey(world.keyturn, policyNamed(policy));
    const [limited, next] = world.requests.filter(({ operation }) => operation === 'getKey');
    expect(limited?.status).toBe(429);
    expect(Date.parse(String(next?.at)) - Date.parse(String(limited?.at))).toBeGreaterThanOrEqual(3_900);
    await expectAgreement(world, policy);
  });

  test('on a create is waited for as long as it asks, and the create is sent again in the same rotation', async ({
    world,
    expect,
  }) => {
    const policy = nextPolicy();
    await issueFirstKey(world.keyturn, policyNamed(policy));
    const asked = 3; // seconds
    const rule: InjectionRule = { on: 'createKey', when: 'before', kind: 'status', status: 429, retryAfter: asked };
    world.simulator.control.injections.add(rule);
    const { rotationId } = await world.keyturn.rotate(policy, { reason: 'too soon' });
    const record = await endOfRotation(world.keyturn, policy, rotationId);
    expect(record).toMatchObject({ event: 'published', attempt: 1 });
    expect(Date.parse(record.at) - Date.parse(record.startedAt)).toBeGreaterThanOrEqual(asked * 1_000);
    expect(world.simulator.control.ledger().posts).toHaveLength(3);
    await expectAgreement(world, policy);
  });
});

describe.concurrent('a management key that is revoked', { timeout: 60_000 }, () => {
  test('while the policy sleeps needs a person, and is mended by another one', async ({ world, expect }) => {
    const policy = nextPolicy();
    const { keyturn, simulator } = world;
    await issueFirstKey(keyturn, policyNamed(policy));
    simulator.control.managementKeys.revoke();
    const failed = await keyturn.rotate(policy, { reason: 'the key was revoked' });
    expect((await endOfRotation(keyturn, policy, failed.rotationId)).event).toBe('undone');

    const { state, attention, keys } = await keyturn.status(policy);
    expect(state).toBe('needs-attention');
    expect(attention).toEqual([expect.objectContaining({ code: 'KEYTURN_CONNECTION_REFUSED' })]);
    expect(attention[0]?.remedy).toContain('keyturn connection add NAME --replace');
    expect(keys).toHaveLength(1);

    await connectMain(world, simulator.url, simulator.control.managementKeys.add().managementKey);
    const mended = await keyturn.rotate(policy, { reason: 'there is another one' });
    expect((await endOfRotation(keyturn, policy, mended.rotationId)).event).toBe('published');
    expect((await keyturn.status(policy)).attention).toEqual([]);
    await expectAgreement(world, policy);
  });

  test('while a rotation is under way is told as soon as it fails a try, and another one lets the rotation end', async ({
    world,
    expect,
  }) => {
    const policy = nextPolicy();
    const { keyturn, simulator } = world;
    let revoked = false;
    world.onMoment = async ({ at, step }) => {
      if (revoked || at !== 'before' || step !== 'verifyKey') return;
      revoked = true;
      simulator.control.managementKeys.revoke();
    };
    const { rotationId } = await keyturn.applyRead(policyNamed(policy));
    const { running } = await statusWhen(keyturn, policy, (status) => noteOfRunning(status) !== '');
    const note = noteOfRunning({ running });
    expect(note).toMatch(/^is tried again: OpenRouter does not accept the management key .* \(401\)\.$/);
    for await (const progress of keyturn.waitFor(policy, String(rotationId))) {
      if (progress.state === 'running' && noteOfRunning({ running: progress }) !== '') break;
    }

    await connectMain(world, simulator.url, simulator.control.managementKeys.add().managementKey);
    expect((await endOfRotation(keyturn, policy, String(rotationId))).event).toBe('published');
    await expectAgreement(world, policy);
  });

  test('when an old key is to go is shown within seconds', async ({ world, expect }) => {
    const policy = nextPolicy();
    const { keyturn, simulator } = world;
    await issueFirstKey(keyturn, policyNamed(policy, { graceMs: 0, quarantineMs: 0 }));
    world.onMoment = async ({ at, step }) => {
      if (at === 'before' && step === 'disableKey') simulator.control.managementKeys.revoke();
    };
    await keyturn.rotate(policy, { reason: 'its old key cannot go' });
    const { attention, keys } = await statusWhen(keyturn, policy, ({ state }) => state === 'needs-attention');
    expect(attention).toEqual([expect.objectContaining({ code: 'KEYTURN_CONNECTION_REFUSED' })]);
    expect(keys.map(({ state }) => state)).toEqual(['live', 'in grace']);
    await expectAgreement(world, policy);
  });
});

describe.concurrent('a key that somebody else', { timeout: 60_000 }, () => {
  test.for(['delete', 'disable'] as const)(
    '%ss while it is in use is replaced by the next rotation',
    async (how, { world, expect }) => {
      const policy = nextPolicy();
      const { keyturn, simulator } = world;
      await issueFirstKey(keyturn, policyNamed(policy, { graceMs: 0, quarantineMs: 0 }));
      const [inUse] = existingKeys(world, policy);
      simulator.control.keys[how](String(inUse?.hash));
      const { rotationId } = await keyturn.rotate(policy, { reason: 'the key is gone' });
      expect((await endOfRotation(keyturn, policy, rotationId)).event).toBe('published');
      const { attention } = await statusWhen(keyturn, policy, ({ keys }) => keys.length === 1);
      expect(attention).toEqual([]);
      await expectAgreement(world, policy);
    },
  );

  test('deletes in its grace or its quarantine is noted as gone', async ({ world, expect }) => {
    const policy = nextPolicy();
    const { keyturn, simulator } = world;
    await issueFirstKey(keyturn, policyNamed(policy, { graceMs: 0, quarantineMs: 0 }));
    for (const step of ['disableKey', 'deleteKey']) {
      const old = existingKeys(world, policy)[0]?.hash;
      world.onMoment = async (moment) => {
        if (moment.at !== 'before' || moment.step !== step) return;
        // Once: a step that needs two turns begins twice.
        world.onMoment = async () => {};
        simulator.control.keys.delete(String(old));
      };
      const { rotationId } = await keyturn.rotate(policy, { reason: 'its old key is deleted by hand' });
      await endOfRotation(keyturn, policy, rotationId);
      await statusWhen(keyturn, policy, ({ keys }) => keys.length === 1);
    }
    const notes = (await keyturn.history(policy)).flatMap((one) => (one.event === 'deleted' ? [one.note] : []));
    expect(notes).toEqual(['it was deleted outside Keyturn', 'it was gone already']);
    await expectAgreement(world, policy);
  });
});

describe.concurrent('an outage in which every key answers 401', { timeout: 60_000 }, () => {
  test('is waited for: no key is deleted for it', async ({ world, expect }) => {
    const policy = nextPolicy();
    const { keyturn, simulator } = world;
    await issueFirstKey(keyturn, policyNamed(policy));
    world.onMoment = async ({ at, step }) => {
      if (at === 'before' && step === 'verifyKey' && simulator.control.ledger().posts.length === 2) {
        world.onMoment = async () => {};
        simulator.control.outage.start({ ms: 5_000 });
      }
    };
    const { rotationId } = await keyturn.rotate(policy, { reason: 'in an outage' });
    expect(await endOfRotation(keyturn, policy, rotationId)).toMatchObject({ event: 'published', attempt: 1 });
    expect(world.requests.filter(({ status }) => status === 401).length).toBeGreaterThan(0);
    expect(keysEverMade(world, policy).map(({ state }) => state)).toEqual(['live', 'live']);
    await expectAgreement(world, policy);
  });

  test('begins when an old key is to go: the old key stays until it is over', async ({ world, expect }) => {
    const policy = nextPolicy();
    const { keyturn, simulator } = world;
    await issueFirstKey(keyturn, policyNamed(policy, { graceMs: 0, quarantineMs: hour }));
    world.onMoment = async ({ at, step }) => {
      if (at !== 'before' || step !== 'disableKey') return;
      world.onMoment = async () => {};
      simulator.control.outage.start({ ms: 2_000 });
    };
    await keyturn.rotate(policy, { reason: 'in an outage' });
    await statusWhen(keyturn, policy, ({ keys }) => keys[1]?.state === 'quarantined');
    expect(simulator.control.outage.active()).toBe(false);
    await expectAgreement(world, policy);
  });
});

let policies = 0;
function nextPolicy(): string {
  return `awkward-${++policies}`;
}

/** Why the step that runs has not ended yet. */
function noteOfRunning({ running }: { running: { steps: StepReport[] } | null }): string {
  return running?.steps.find(({ step, state }) => step === 'verifyKey' && state === 'running')?.note ?? '';
}
