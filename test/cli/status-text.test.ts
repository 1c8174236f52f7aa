import { stripVTControlCharacters } from 'node:util';
import { describe, expect, test } from 'vitest';
import { localAndUtc } from '../../cli/show/clock-time.ts';
import { span } from '../../cli/show/relative-time.ts';
import { statusText } from '../../cli/show/status-text.ts';
import type { PolicyStatus } from '../../policy/life/status.ts';
import { aPolicy } from '../policy/life/states.ts';

const now = Date.parse('2026-11-23T08:00:00Z');
const at = (seconds: number) => new Date(now + seconds * 1000).toISOString();
const hash = (n: number) => `${n}f3c${'0'.repeat(58)}e1`;
const day = 86_400;

function status(changes: Partial<PolicyStatus> = {}): PolicyStatus {
  return {
    name: 'demo',
    state: 'sleeping',
    because: 'the next scheduled rotation',
    policy: aPolicy({ name: 'demo', quarantineMs: 7 * day * 1000 }),
    paused: null,
    next: {
      date: '2026-12-22',
      utc: '2026-12-22T02:30:00Z',
      local: '2026-12-22T03:30:00+01:00',
      timeZone: 'Europe/Berlin',
    },
    nextRotation: { at: '2026-12-22T02:30:00Z', because: 'the next scheduled rotation' },
    wakesAt: '2026-12-22T02:30:00Z',
    keys: [
      { generation: 2, hash: hash(2), state: 'live', withdrawn: false, since: at(-120), next: null, blocked: null },
    ],
    stores: [place],
    running: null,
    pending: null,
    last: {
      event: 'published',
      at: at(-120),
      rotationId: 'r1',
      reason: { kind: 'requested', text: 'try it' },
      attempt: 1,
      startedAt: at(-121.9),
      steps: 10,
      generation: 2,
      fault: null,
      nextAttemptAt: null,
    },
    lastSteps: [],
    attention: [],
    owed: [],
    strays: [],
    dropped: [],
    leaves: null,
    ...changes,
  };
}

const shown = (changes: Partial<PolicyStatus> = {}) => stripVTControlCharacters(statusText(status(changes), now));
const widest = (text: string) => Math.max(...text.split('\n').map((line) => line.length));

const place = {
  store: 'local',
  secret: 'OPENROUTER_API_KEY',
  field: null,
  required: true,
  state: 'current' as const,
  generation: 2,
  digest: 'd'.repeat(64),
  version: null,
  verdict: 'matches' as const,
  verifiedAt: at(-120),
  approvalUrl: null,
};

const inGrace = {
  generation: 11,
  hash: hash(1),
  state: 'in grace' as const,
  withdrawn: false,
  since: at(-30 * day),
  next: { action: 'disable' as const, at: at(day) },
  blocked: null,
};

test('a policy that sleeps', () => {
  expect(shown()).toBe(
    [
      'demo      sleeping until the next scheduled rotation',
      'next      Tue 22 Dec 2026 03:30 Europe/Berlin (02:30 UTC), in 29 days',
      'keys      #2 2f3c…e1  live  2 min',
      'stores    local  OPENROUTER_API_KEY  verified 2 min ago',
      'last      published, asked for by "try it", 10 steps in 1.9 s, 2 min ago',
    ].join('\n'),
  );
});

test('every line fits 80 columns with the longest spans, a key in quarantine and one in grace', () => {
  const quarantined = {
    ...inGrace,
    generation: 10,
    state: 'quarantined' as const,
    next: { action: 'delete' as const, at: at(7 * day) },
  };
  const text = shown({ keys: [...status().keys, inGrace, quarantined] });
  expect(text).toContain('#11 1f3c…e1  in grace     30 days  disabled in 24 h, deleted in 8 days');
  expect(widest(text)).toBeLessThanOrEqual(80);
});

test('a rotation that was undone shows when it is tried again, and why it failed', () => {
  const fault = {
    code: 'KEYTURN_OPENROUTER_UNAVAILABLE',
    kind: 'transient',
    message: 'OpenRouter did not answer a request to create a key: the server answered 503 with a page of its edge.',
    remedy: 'Nothing to do.',
  };
  const last = {
    ...(status().last as NonNullable<PolicyStatus['last']>),
    event: 'undone' as const,
    fault,
    nextAttemptAt: at(58),
  };
  const pending = { rotationId: 'r1.2', reason: last.reason, attempt: 2, notBefore: at(58), endGrace: false };
  const text = shown({ state: 'retrying', because: 'try 2', last, pending });
  expect(text).toContain('retry     try 2 in 58 s, at 08:00:58 UTC');
  expect(text).toContain('KEYTURN_OPENROUTER_UNAVAILABLE: OpenRouter did not answer');
  expect(widest(text)).toBeLessThanOrEqual(80);
});

test('what needs attention stands there with what to do about it', () => {
  const attention = [
    {
      code: 'KEYTURN_OLD_KEY_STILL_NEEDED',
      message: 'Key #1 is kept: store "local" holds it again, although a newer one was published there two days ago.',
      remedy: 'keyturn rotate NAME publishes a fresh key everywhere; the old one is revoked after it.',
    },
  ];
  const text = shown({ state: 'needs-attention', attention });
  expect(text).toMatch(/^demo {6}needs attention \(below\)/);
  expect(text).toMatch(/\nattention KEYTURN_OLD_KEY_STILL_NEEDED: [\s\S]*\n {10}→ keyturn rotate NAME/);
  expect(widest(text)).toBeLessThanOrEqual(80);
});

test('a key whose revocation is tried again says so', () => {
  const blocked = { code: 'KEYTURN_CONNECTION_REFUSED', message: 'no', remedy: 'check' };
  expect(shown({ keys: [{ ...inGrace, blocked }] })).toContain('not disabled yet, tried again in 24 h');
});

test('a rotation under way shows its steps', () => {
  const steps = [
    { step: 'createKey', state: 'done' as const, startedAt: at(-1), tookMs: 200, note: '5f3c…e1' },
    { step: 'verifyKey', state: 'running' as const, startedAt: at(-0.5), tookMs: null, note: '' },
  ];
  const running = { rotationId: 'r9', reason: { kind: 'first' as const }, attempt: 1, startedAt: at(-2), steps };
  expect(shown({ state: 'rotating', running })).toMatch(
    /^demo {6}rotating: the first key\nnow {7}rotation r9, begun 2 s ago\n {10}✔ create key +5f3c…e1 +0\.2 s\n {10}… verify key\n/,
  );
});

test('what is owed is shown with how often it was tried, when it is next, and what was in the way', () => {
  const fault = { code: 'KEYTURN_STORE_UNAVAILABLE', message: 'Store "b" cannot be used.', remedy: 'mend it' };
  const undo = { duty: 'undo', of: '', tries: 1, retryAt: at(5), why: 'what is left to undo', fault };
  const rotate = { ...undo, duty: 'rotate', why: 'try 2 of a rotation that failed' };
  const text = shown({
    owed: [undo, { ...undo, duty: 'disable', tries: 3, why: 'the end of the grace of key #1' }, rotate],
  });
  expect(text).toMatch(/owed +what is left to undo: tried once, again in 5 s\. Store "b" cannot be\n +used\./);
  expect(text).toContain('the end of the grace of key #1: tried 3 times, again in 5 s.');
  expect(text).not.toContain('try 2 of a rotation that failed: tried');
});

test.each([
  [
    { paused: { at: at(-120), reason: 'release week' }, state: 'paused' as const, next: null },
    /^demo {6}paused 2 min ago: release week\nnext {6}none: it is paused\n/,
  ],
  [
    { state: 'ending' as const, because: 'the end of the grace of key #2', next: null },
    /^demo {6}being deleted; sleeping until the end of the grace of key #2\n/,
  ],
  [
    { wakesAt: null, because: 'autoRotate is off', next: null, policy: aPolicy({ autoRotate: false }) },
    /^demo {6}sleeping: autoRotate is off\nnext {6}none: autoRotate is off/,
  ],
  [{ strays: ['m1', 'm2'] }, /\nstrays {4}2 keys whose creation was never answered, looked for$/],
])('%#: other states', (changes, pattern) => {
  expect(shown(changes)).toMatch(pattern);
});

test('a name of 48 letters takes its room from the first line only', () => {
  const text = shown({ name: 'a'.repeat(48) });
  expect(text).toMatch(/^a{48} {2}sleeping until the next\n {10}scheduled rotation\nnext /);
});

describe('times', () => {
  test.each([
    [0, '0 s'],
    [89_000, '89 s'],
    [90_000, '2 min'],
    [89 * 60_000, '89 min'],
    [24 * 3_600_000, '24 h'],
    [36 * 3_600_000, '2 days'],
    [-5, '0 s'],
  ])('%i ms is %s', (ms, text) => {
    expect(span(ms)).toBe(text);
  });

  test('the UTC side has a date of its own where it is another one', () => {
    const run = {
      date: '2026-12-22',
      utc: '2026-12-21T18:00:00Z',
      local: '2026-12-22T03:00:00+09:00',
      timeZone: 'Asia/Tokyo',
    };
    expect(localAndUtc(run)).toBe('Tue 22 Dec 2026 03:00 Asia/Tokyo (21 Dec 18:00 UTC)');
  });
});

test('a place says what it holds, by which name, and who has to do something about it', () => {
  const text = shown({
    stores: [
      { ...place, store: 'aws', secret: 'prod/checkout', field: 'key', version: 'v7' },
      { ...place, state: 'behind', generation: 1, required: false },
      { ...place, state: 'waits', approvalUrl: 'https://vault.example/requests/7' },
      { ...place, state: 'changed' },
      { ...place, state: 'empty', verdict: null, verifiedAt: null },
    ],
  });
  expect(text).toContain('prod/checkout (key)  verified 2 min ago, version v7');
  expect(text).toContain('still key #1, seen 2 min ago; optional');
  expect(text).toContain('waits for approval: https://vault.example/requests/7');
  expect(text).toContain('somebody else has written to it');
  expect(text).toContain('not written yet');
});

test('a store that never shows a value is not called verified', () => {
  expect(shown({ stores: [{ ...place, store: 'github', verdict: 'unverified' }] })).toContain(
    'written 2 min ago; it never shows a value',
  );
});

test('a withdrawn key is told apart from a former one', () => {
  expect(shown({ keys: [{ ...inGrace, withdrawn: true }] })).toContain('withdrawn');
});

test('a message that nobody understood is shown once, in a line', () => {
  const dropped = [
    { message: 'rotateNow', why: 'rotateNow takes a map of reason, requestId and endGrace.', at: at(-60) },
  ];
  const text = shown({ dropped });
  expect(text).toContain('ignored   rotateNow takes a map of reason');
  expect(widest(text)).toBeLessThanOrEqual(80);
});

test('a detached policy says what it leaves behind', () => {
  const leaves = {
    policy: 'demo',
    connection: 'main',
    keys: [{ hash: hash(2), generation: 2, state: 'live' as const }],
    secrets: [{ store: 'local', secret: 'OPENROUTER_API_KEY', field: null }],
    markers: ['keyturn:demo:r1:1'],
  };
  const text = shown({ state: 'ending', leaves });
  expect(text).toContain(hash(2));
  expect(text).toContain('secret OPENROUTER_API_KEY in local');
  expect(text).toContain('keyturn:demo:r1:1');
});
