import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { digestOf } from '../../../secrets/secret.ts';
import type { Approval, Captured, Spot } from '../../../stores/store.ts';
import { failureOf, openUnder, put, type Under, undo, value, writer } from './store-under-test.ts';
import { closeRequest, mergeRequest } from './stub/change-requests.ts';
import { project } from './stub/world.ts';

let under: Under;
let spot: Spot;
beforeEach(async () => {
  under = await openUnder();
  spot = under.spot();
  await put(under.store, spot, 'old', 'r1');
  under.infisical.world.settings.approvals = true;
});
afterEach(() => under.close());

const requests = () => [...under.infisical.world.requests.values()];

async function heldWrite(): Promise<{ before: Captured; approval: Approval }> {
  const before = await under.store.capture(spot, writer('r2'));
  const { approval } = await under.store.write(spot, value('new'), writer('r2'), before.memento);
  if (approval === null) throw new Error('it was not held');
  return { before, approval };
}
const stands = (approval: Approval) => under.store.approval?.(spot, approval);
const undoOf = (before: Captured, approval: Approval | null) =>
  under.store.restore(spot, before.memento, writer('r2'), digestOf(value('new')), approval);

describe('a write that an approval policy holds', () => {
  test('is not taken for written, and says where it is approved', async () => {
    const { approval } = await heldWrite();
    expect(approval.url).toBe(
      `${under.infisical.url}/projects/secret-management/${project}/approval?requestId=${requests()[0]?.id}`,
    );
    expect(await stands(approval)).toBe('open');
    expect(under.valueOf(spot)).toBe('sk-or-v1-old');
  });

  test('is not sent again, however often the rotation tries: each would be a request of its own', async () => {
    const { before, approval } = await heldWrite();
    const again = await under.store.write(spot, value('new'), writer('r2'), before.memento);
    expect(again.approval).toEqual(approval);
    expect(requests()).toHaveLength(1);
  });

  test('is written once somebody merges it', async () => {
    const { approval } = await heldWrite();
    mergeRequest(under.infisical.world, String(requests()[0]?.id));
    expect(await stands(approval)).toBe('merged');
    expect(await under.store.read(spot, 'checkout')).toMatchObject({ kind: 'held' });
    expect(under.valueOf(spot)).toBe('sk-or-v1-new');
  });

  test('is over when somebody closes it, and a new try is a new request', async () => {
    const { before, approval } = await heldWrite();
    closeRequest(under.infisical.world, String(requests()[0]?.id));
    expect(await stands(approval)).toBe('closed');
    const again = await under.store.write(spot, value('new'), writer('r2'), before.memento);
    expect(again.approval?.id).not.toBe(approval.id);
    expect(requests()).toHaveLength(2);
  });

  test('is not undone while somebody could still merge it', async () => {
    const { before, approval } = await heldWrite();
    const failure = await failureOf(undoOf(before, approval));
    expect(failure.code).toBe('KEYTURN_APPROVAL_OPEN');
    expect(failure.message).toContain(approval.url);
    closeRequest(under.infisical.world, String(requests()[0]?.id));
    expect(await undoOf(before, approval)).toEqual({ end: 'restored', shown: false, approval: null });
    expect(under.valueOf(spot)).toBe('sk-or-v1-old');
  });

  test('is judged by what the place holds where the identity may not ask about requests', async () => {
    under.infisical.world.settings.identitiesSeeRequests = false;
    const { approval } = await heldWrite();
    expect(await stands(approval)).toBe('open');
    mergeRequest(under.infisical.world, String(requests()[0]?.id));
    expect(await stands(approval)).toBe('merged');
  });

  test('has the organization in its address where that is declared', async () => {
    const store = await under.another({ organization: 'org-1' });
    const before = await store.capture(spot, writer('r3'));
    const { approval } = await store.write(spot, value('new'), writer('r3'), before.memento);
    expect(approval?.url).toContain(`/organizations/org-1/projects/secret-management/${project}/approval?requestId=`);
  });
});

test('an undo that has to be approved waits, is asked for once, and is done when it is merged', async () => {
  under.infisical.world.settings.approvals = false;
  const before = await put(under.store, spot, 'new', 'r2');
  under.infisical.world.settings.approvals = true;
  const waits = await undoOf(before, null);
  expect(waits).toMatchObject({ end: 'waits', shown: true });
  expect((await undoOf(before, null)).approval).toEqual(waits.approval);
  expect(requests()).toHaveLength(1);
  expect((await failureOf(undoOf(before, waits.approval))).code).toBe('KEYTURN_APPROVAL_OPEN');
  mergeRequest(under.infisical.world, String(requests()[0]?.id));
  expect(await undoOf(before, waits.approval)).toMatchObject({ end: 'restored', shown: true });
  expect(under.valueOf(spot)).toBe('sk-or-v1-old');
});

test('a removal that has to be approved is asked for once', async () => {
  const remove = () => under.store.remove(spot, 'checkout', [digestOf(value('old'))]);
  expect((await failureOf(remove())).code).toBe('KEYTURN_APPROVAL_OPEN');
  expect((await failureOf(remove())).code).toBe('KEYTURN_APPROVAL_OPEN');
  expect(requests()).toHaveLength(1);
  mergeRequest(under.infisical.world, String(requests()[0]?.id));
  expect(await remove()).toBe('removed');
  expect(under.valueOf(spot)).toBeNull();
});

test('an old request that is merged later is somebody else’s value: it is not overwritten by an undo', async () => {
  const { approval } = await heldWrite();
  under.infisical.world.settings.approvals = false;
  const before = await put(under.store, spot, 'newest', 'r3');
  mergeRequest(under.infisical.world, String(requests()[0]?.id));
  expect(await stands(approval)).toBe('merged');
  expect(await undo(under.store, spot, before, 'newest', 'r3')).toMatchObject({ end: 'left', shown: true });
  expect(under.valueOf(spot)).toBe('sk-or-v1-new');
});

test('a secret whose creation is held is not there, and is there once it is merged', async () => {
  const fresh = under.spot();
  const before = await under.store.capture(fresh, writer('r5'));
  const { approval } = await under.store.write(fresh, value('first'), writer('r5'), before.memento);
  expect(approval).not.toBeNull();
  expect(await under.store.read(fresh, 'checkout')).toEqual({ kind: 'absent' });
  mergeRequest(under.infisical.world, String(requests()[0]?.id));
  expect(under.valueOf(fresh)).toBe('sk-or-v1-first');
});
