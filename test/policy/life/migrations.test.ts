import { describe, expect, test } from 'vitest';
import { policyVersion } from '../../../policy/declared/policy.ts';
import { migratedPolicy, migratedState } from '../../../policy/life/migrations.ts';
import { newPolicyState, stateVersion } from '../../../policy/life/state.ts';
import { aPolicy } from './states.ts';

const fault = { code: 'KEYTURN_OPENROUTER_UNAVAILABLE', kind: 'transient', message: 'down', remedy: 'wait' };

function rotation(event: 'published' | 'undone', rotationId: string, at: string) {
  const told = event === 'published' ? { generation: 3, fault: null } : { generation: null, fault };
  const reason = { kind: 'first' };
  return { event, at, rotationId, reason, attempt: 1, startedAt: at, steps: 7, nextAttemptAt: null, ...told };
}

/** Without a number, and with a secret that had one name in all of its stores. */
function policyOf1() {
  const { version: _, secret, ...policy } = aPolicy();
  return { ...policy, secret: { name: secret.name, stores: ['local'] } };
}

/** As version 1 wrote it: no withdrawn keys, no verdicts, and a policy without a number. */
function stateOf1(changes: Record<string, unknown> = {}): Record<string, unknown> {
  const policy = policyOf1();
  const at = '2026-11-01T03:30:00.000Z';
  return {
    version: 1,
    name: 'demo',
    policy,
    appliedAt: at,
    current: { generation: 3, hash: 'h3', digest: 'd3', rotationId: 'r3', publishedAt: at },
    retiring: [
      {
        generation: 2,
        hash: 'h2',
        digest: 'd2',
        publishedAt: at,
        disableAt: at,
        disabledAt: null,
        deleteAt: null,
        blocked: null,
      },
    ],
    anchor: { date: '2026-11-01' },
    next: null,
    pending: null,
    paused: null,
    watch: [],
    requests: [],
    ending: null,
    history: [],
    lastSteps: [],
    ...changes,
  };
}

function known(passedOn: unknown) {
  const migrated = migratedState(passedOn);
  if (migrated.is !== 'known') throw new Error(migrated.is);
  return migrated.value;
}

describe('a state of version 1', () => {
  test('has every field of a state of today, and its policy every field of a policy', () => {
    const state = known(stateOf1());
    expect(Object.keys(state).sort()).toEqual(Object.keys(newPolicyState('demo')).sort());
    expect(state.version).toBe(stateVersion);
    expect(state.policy).toEqual(aPolicy());
    expect(state.current).toMatchObject({ hash: 'h3', sealed: null });
    expect(state.places).toMatchObject([{ store: 'local', holds: { digest: 'd3' }, lacksSince: null }]);
    expect(state.retiring).toMatchObject([{ hash: 'h2', withdrawn: false }]);
  });

  test('finds the last rotation of each outcome in its history, before it is pushed out', () => {
    const history = [
      rotation('undone', 'r1', '2026-11-01T00:00:00.000Z'),
      rotation('published', 'r1.2', '2026-11-01T00:01:00.000Z'),
      rotation('published', 'r2', '2026-11-02T00:00:00.000Z'),
      { event: 'paused', at: '2026-11-02T01:00:00.000Z', note: '' },
    ];
    const { lastRotations } = known(stateOf1({ history }));
    expect(lastRotations.published?.rotationId).toBe('r2');
    expect(lastRotations.undone?.rotationId).toBe('r1');
    expect(known(stateOf1()).lastRotations).toEqual({ published: null, undone: null });
  });

  test('gives no generation a second time, also where its newest key is already retiring', () => {
    expect(known(stateOf1()).newestGeneration).toBe(3);
    expect(known(stateOf1({ current: null })).newestGeneration).toBe(2);
    expect(known(stateOf1({ current: null, retiring: [] })).newestGeneration).toBe(0);
  });

  test('that never had a policy stays without one', () => {
    expect(known(stateOf1({ policy: null, current: null, retiring: [] })).policy).toBeNull();
  });

  test('without a number is one of version 1: the first ones had none', () => {
    const { version: _, ...old } = stateOf1();
    expect(known(old)).toEqual(known(stateOf1()));
  });

  test('is not changed itself: a replay reads it again', () => {
    const old = stateOf1();
    const before = structuredClone(old);
    known(old);
    expect(old).toEqual(before);
  });
});

test('a state of today is passed on as it is', () => {
  const state = newPolicyState('demo');
  expect(known(JSON.parse(JSON.stringify(state)))).toEqual(state);
});

test('a newer number is told, whatever else the state holds', () => {
  for (const rest of [{ name: 'demo', anything: 1 }, { title: 'demo' }, {}]) {
    expect(migratedState({ version: stateVersion + 1, ...rest })).toEqual({ is: 'newer', version: stateVersion + 1 });
  }
});

test.each([
  ['nothing', undefined],
  ['null', null],
  ['a text', 'demo'],
  ['a list', [newPolicyState('demo')]],
  ['no name', { version: 2 }],
  ['a name only', { name: 'demo' }],
  ['a name and a number', { name: 'demo', version: stateVersion }],
  ['a number as text', { ...newPolicyState('demo'), version: '2' }],
  ['half a number', { ...newPolicyState('demo'), version: 1.5 }],
  ['number zero', { ...newPolicyState('demo'), version: 0 }],
  ['no rotations', { ...newPolicyState('demo'), lastRotations: undefined }],
  ['a list that is none', { ...newPolicyState('demo'), retiring: {} }],
])('%s is no state', (_, passedOn) => {
  expect(migratedState(passedOn)).toEqual({ is: 'unreadable' });
});

describe('a policy', () => {
  test('without a number is what an older command line sends', () => {
    expect(migratedPolicy(policyOf1())).toEqual({ is: 'known', value: aPolicy() });
  });

  test('of today is taken as it is, of a newer number told, and anything else unreadable', () => {
    expect(migratedPolicy(aPolicy())).toEqual({ is: 'known', value: aPolicy() });
    const newer = { ...aPolicy(), version: policyVersion + 1 };
    expect(migratedPolicy(newer)).toEqual({ is: 'newer', version: policyVersion + 1 });
    for (const sent of [null, 1, 'x', [], { version: 'x' }]) expect(migratedPolicy(sent)).toEqual({ is: 'unreadable' });
  });
});
