import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Spot } from '../../../stores/store.ts';
import { failureOf, openUnder, put, type Under } from './store-under-test.ts';
import { startRotation } from './stub/rotations.ts';

let under: Under;
let spot: Spot;
beforeEach(async () => {
  under = await openUnder();
  spot = under.spot();
});
afterEach(() => under.close());

const granted = async () => {
  const { rights } = await under.store.check(spot, 'checkout');
  return Object.fromEntries(rights.map(({ right, granted }) => [right.replace('secrets: ', ''), granted]));
};

test('everything that will be needed is named, and what can be told is told', async () => {
  expect(await granted()).toEqual({ describeSecret: null, readValue: null, create: null, edit: null, delete: null });
  await put(under.store, spot, 'one', 'r1');
  expect(await granted()).toEqual({ describeSecret: true, readValue: true, edit: null, delete: null });
});

test('a secret of somebody’s making is never deleted: that right is not asked for', async () => {
  under.set(spot, 'sk-or-v1-theirs');
  expect(await granted()).toEqual({ describeSecret: true, readValue: true, edit: null });
});

test.each(['refused', 'masked'] as const)('a missing readValue is named (%s)', async (how) => {
  under.set(spot, 'sk-or-v1-theirs');
  under.identity.may.delete('readValue');
  under.infisical.world.settings.hiddenValues = how;
  expect(await granted()).toMatchObject({ describeSecret: true, readValue: false });
});

test('a missing describeSecret is named', async () => {
  under.set(spot, 'sk-or-v1-theirs');
  under.identity.may.delete('describeSecret');
  expect(await granted()).toMatchObject({ describeSecret: false });
});

test('what is not to be written is refused before a key is made', async () => {
  startRotation(under.infisical.world, under.folder, spot.name, ['sk-or-v1-a', 'sk-or-v1-b']);
  expect((await under.store.check(spot, 'checkout')).refusal).toContain('owned by a rotation of Infisical');
  expect((await under.store.check({ ...spot, field: 'a' }, 'checkout')).refusal).toContain('as a whole');
});

test('a folder that is not there says so', async () => {
  const store = await under.another({ path: '/nowhere' });
  expect((await failureOf(store.check(spot, 'checkout'))).message).toContain('there is no folder /nowhere');
});

test('what a person should know is told: references, and metadata that approvals would empty', async () => {
  under.set(spot, `\${OTHER}`);
  const secret = under.folder.secrets.get(spot.name);
  if (secret) secret.metadata = [{ key: 'owner', value: 'payments' }];
  const { warnings } = await under.store.check(spot, 'checkout');
  expect(warnings.join('\n')).toMatch(/reference to another secret[\s\S]*approval policy/);
});

test('checking changes nothing', async () => {
  await under.store.check(spot, 'checkout');
  expect(under.infisical.changes()).toEqual([]);
});
