import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { reasonLength, requestIdLength } from '../../policy/declared/limits.ts';
import { policyVersion } from '../../policy/declared/policy.ts';
import * as guards from '../../workflows/guards.ts';
import { aPolicy } from '../policy/life/states.ts';

const bytes = Buffer.from('{}');
const nested = JSON.parse('['.repeat(10_000) + ']'.repeat(10_000));
const noMaps = [
  0,
  1,
  '',
  'x',
  true,
  false,
  [],
  [{}],
  bytes,
  new Uint8Array(),
  new Float64Array(1),
  new Date(0),
  new Map(),
];

describe('a request', () => {
  test.each([undefined, null, {}])('of %j is a plain one: a click in the Web UI', (input) => {
    expect(guards.readRequest(input)).toEqual({ value: { requestId: null, reason: '', endGrace: false } });
  });

  test.each(noMaps)('of %j is not understood', (input) => {
    expect(guards.readRequest(input)).toHaveProperty('why');
  });

  test.each([
    ['reason', 7],
    ['reason', {}],
    ['endGrace', 'true'],
    ['endGrace', null],
    ['requestId', 7],
    ['requestId', 'x'.repeat(requestIdLength + 1)],
  ])('with %s %j is not understood, and says so', (field, value) => {
    expect(guards.readRequest({ [field]: value })).toEqual({ why: expect.stringContaining(field) });
  });

  test('control characters of a reason do not reach a terminal', () => {
    const spoilt = { reason: 'a\u001b[2Jb\r\nc' };
    expect(guards.readRequest(spoilt)).toMatchObject({ value: { reason: 'a [2Jb c' } });
    expect(guards.readPause(spoilt)).toEqual({ value: { reason: 'a [2Jb c' } });
  });

  test('keeps what is right; a long reason is cut with a mark; unknown fields are passed over', () => {
    const read = guards.readRequest({ requestId: 'q', reason: 'r'.repeat(9_999), endGrace: true, later: 1 });
    if ('why' in read) throw new Error(read.why);
    expect(read.value).toMatchObject({ requestId: 'q', endGrace: true });
    expect(read.value.reason).toMatch(/…$/);
    expect(read.value.reason).toHaveLength(reasonLength);
  });
});

test.each([
  [undefined, { value: { reason: null } }],
  [{ reason: null }, { value: { reason: null } }],
  [{ reason: 'audit' }, { value: { reason: 'audit' } }],
  [{ reason: 1 }, { why: expect.any(String) }],
  ['audit', { why: expect.any(String) }],
  [bytes, { why: expect.any(String) }],
])('a pause of %j', (input, read) => {
  expect(guards.readPause(input)).toEqual(read);
});

describe('an ending', () => {
  test.each(['detach', 'retire', 'destroy'])('%s is a known word', (mode) => {
    expect(guards.readEnding({ mode })).toEqual({ value: { mode } });
  });

  test.each([undefined, null, {}, ...noMaps, { mode: 'dettach' }, { mode: 'DETACH' }, { mode: ['detach'] }])(
    'of %j is never guessed',
    (input) => {
      expect(guards.readEnding(input)).toHaveProperty('why');
    },
  );
});

describe('a policy', () => {
  test('is taken with its form, from an older command line too', () => {
    const { version: _, secret, ...rest } = aPolicy();
    const older = { ...rest, secret: { name: secret.name, stores: ['local'] } };
    expect(guards.readPolicy(older)).toEqual({ value: aPolicy() });
    expect(guards.readPolicy(aPolicy())).toEqual({ value: aPolicy() });
  });

  test.each([
    ['a newer number', { ...aPolicy(), version: policyVersion + 1 }],
    ['no schedule', { ...aPolicy(), schedule: undefined }],
    ['a schedule that is a list', { ...aPolicy(), schedule: [] }],
    ['a key within a key', { ...aPolicy(), key: { name: {} } }],
    ['places that are a text', { ...aPolicy(), secret: { name: 'X', places: 'local' } }],
    ['places that are numbers', { ...aPolicy(), secret: { name: 'X', places: [1] } }],
    ['no secret', { ...aPolicy(), secret: null }],
    ['a key that is bytes', { ...aPolicy(), key: bytes }],
    ['a map where a value belongs', { ...aPolicy(), graceMs: { ms: 1 } }],
    ['something nested deeply', { ...aPolicy(), later: nested }],
    ['something nested deeply in its secret', { ...aPolicy(), secret: { ...aPolicy().secret, later: nested } }],
    ['a book', { ...aPolicy(), name: 'x'.repeat(30_000) }],
  ])('with %s is not understood', (_, input) => {
    expect(guards.readPolicy(input)).toHaveProperty('why');
  });
});

test('no value whatever throws, and a reason why not is short', () => {
  const readers = [guards.readRequest, guards.readPause, guards.readEnding, guards.readPolicy, guards.readNothing];
  fc.assert(
    fc.property(fc.jsonValue(), (input) => {
      for (const read of readers) {
        const heard: guards.Read<unknown> = read(input);
        expect('why' in heard ? heard.why.length : 0).toBeLessThan(200);
      }
    }),
  );
});
