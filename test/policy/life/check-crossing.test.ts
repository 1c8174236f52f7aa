import { describe, expect, test } from 'vitest';
import { checkCrossing } from '../../../policy/life/check-crossing.ts';
import { aPolicy, day } from './states.ts';

/** The fields that are wrong, as a person reads them. */
function wrongIn(sent: unknown): string[] {
  const checked = checkCrossing(sent);
  return 'problems' in checked ? checked.problems.map(({ path }) => path.join('.')) : [];
}

/** The same with one field changed, however deep; `undefined` takes it away. */
function changed(path: string, value: unknown): unknown {
  const policy = structuredClone(aPolicy()) as unknown as Record<string, unknown>;
  const steps = path.split('.');
  const last = steps.pop() ?? '';
  const within = steps.reduce((map, step) => map[step] as Record<string, unknown>, policy);
  if (value === undefined) delete within[last];
  else within[last] = value;
  return policy;
}

const local = { store: 'local', name: 'OPENROUTER_API_KEY', field: null, required: true };

test('what is right crosses unchanged', () => {
  const whole = aPolicy({ key: { ...aPolicy().key, expiresAfterMs: 90 * day } });
  for (const policy of [aPolicy(), whole, aPolicy({ graceMs: 0, quarantineMs: 0, autoRotate: false })]) {
    expect(checkCrossing(JSON.parse(JSON.stringify(policy)))).toEqual({ policy });
  }
});

test.each([
  ['name', 'Not A Name'],
  ['connection', ''],
  ['autoRotate', 'yes'],
  ['schedule.every', 0],
  ['schedule.every', '1'],
  ['schedule.at', '25:00'],
  ['schedule.timeZone', 'Mars/Olympus'],
  ['key.name', 'keyturn:a marker'],
  ['key.limit', -1],
  ['key.limitReset', 'hourly'],
  ['key.includeByokInLimit', 1],
  ['key.workspace', 'mine'],
  ['secret.name', 'no spaces here'],
  ['secret.places', []],
  ['secret.places', [local, local]],
  ['secret.places', Array.from({ length: 9 }, (_, n) => ({ ...local, name: `SECRET_${n}` }))],
  ['secret.optionalWaitMs', -1],
])('%s that is wrong (%j) is named', (path, value) => {
  const named = path.replace('places', 'stores').replace('optionalWaitMs', 'optional');
  expect(wrongIn(changed(path, value))).toContainEqual(expect.stringMatching(`^${named.replaceAll('.', '\\.')}`));
});

test.each([
  ['graceMs', 'grace'],
  ['quarantineMs', 'quarantine'],
  ['name', 'name'],
  ['connection', 'connection'],
  ['schedule', 'schedule'],
  ['schedule.timeZone', 'schedule.timeZone'],
  ['key', 'key.name'],
  ['key.name', 'key.name'],
  ['secret', 'secret.name'],
  ['secret.places', 'secret.stores'],
  ['autoRotate', 'autoRotate'],
  ['key.includeByokInLimit', 'key.includeByokInLimit'],
])('nothing has a default here: without %s it is not taken', (path, named) => {
  expect(wrongIn(changed(path, undefined))).toContain(named);
});

describe('a length of time', () => {
  const lengths = [-1, 1.5, Number.NaN, '24h', null, true, {}, [], 400 * day, Number.MAX_VALUE];
  test.each(lengths)('of %j is refused', (value) => {
    expect(wrongIn({ ...aPolicy(), graceMs: value })).toEqual(['grace']);
    expect(wrongIn({ ...aPolicy(), quarantineMs: value })).toEqual(['quarantine']);
  });

  test('that is no whole number of seconds is kept to the millisecond', () => {
    expect(checkCrossing(aPolicy({ graceMs: 1_501, quarantineMs: 499 }))).toEqual({
      policy: aPolicy({ graceMs: 1_501, quarantineMs: 499 }),
    });
    const key = { ...aPolicy().key, expiresAfterMs: 90 * day + 1 };
    expect(checkCrossing(aPolicy({ key }))).toEqual({ policy: aPolicy({ key }) });
  });

  test('of a key that would die before it is replaced is refused', () => {
    expect(wrongIn(aPolicy({ key: { ...aPolicy().key, expiresAfterMs: 30 * day } }))).toEqual(['key.expiresAfter']);
  });
});

test('a field that nobody knows is named: it was meant to do something', () => {
  expect(wrongIn({ ...aPolicy(), rotateNow: true })).toEqual(['rotateNow']);
  expect(wrongIn({ ...aPolicy(), key: { ...aPolicy().key, colour: 'red' } })).toEqual(['key.colour']);
});

test('no value of any type throws', () => {
  for (const sent of [null, undefined, 0, 'policy', [], [aPolicy()], true, { key: [], secret: 'x', schedule: null }]) {
    expect(wrongIn(sent).length).toBeGreaterThan(0);
  }
});
