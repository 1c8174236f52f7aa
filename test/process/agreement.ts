import { request } from 'undici';
import { expect } from 'vitest';
import type { LedgerKey } from '../../simulator/index.ts';
import type { Stack } from './stack.ts';

type World = Pick<Stack, 'keyturn' | 'simulator' | 'vault'>;

/**
 * What OpenRouter, the store and `status` say of a policy agree: the keys that exist are those that `status` names, and
 * the store holds the live one's secret, which works.
 */
export async function expectAgreement(world: World, policy: string): Promise<void> {
  const { keys } = await world.keyturn.status(policy);
  const told = keys.map(({ hash, state }) => ({ hash, state: state === 'quarantined' ? 'disabled' : 'live' }));
  const there = existingKeys(world, policy).map(({ hash, state }) => ({ hash, state: String(state) }));
  expect(there.sort(byHash), `keys of ${policy}`).toEqual(told.sort(byHash));

  const live = keys.find(({ state }) => state === 'live');
  expect(await storedKey(world, policy), `stored secret of ${policy}`).toEqual({ hash: live?.hash, answer: 200 });
}

/** Keys that were made for the policy and are not deleted, whatever they are called now. */
export function existingKeys({ simulator }: Pick<World, 'simulator'>, policy: string): LedgerKey[] {
  return keysEverMade({ simulator }, policy).filter(({ state }) => state !== 'deleted');
}

/** Oldest first. */
export function keysEverMade({ simulator }: Pick<World, 'simulator'>, policy: string): LedgerKey[] {
  const { keys } = simulator.control.ledger();
  return keys.filter(({ names }) => names.some(({ name }) => name.startsWith(`keyturn:${policy}:`)));
}

/** Whose secret the store holds, and what OpenRouter answers to it. */
export async function storedKey({ simulator, vault }: Pick<World, 'simulator' | 'vault'>, policy: string) {
  const held = await vault.read({ policy, name: secretName(policy) });
  if (held.kind !== 'held') return null;
  const secret = held.value.reveal();
  const { statusCode, body } = await request(`${simulator.url}/key`, {
    headers: { authorization: `Bearer ${secret}` },
  });
  await body.dump();
  return { hash: simulator.control.whoIs(secret), answer: statusCode };
}

/** Each policy has a secret of its own: one store holds them all. */
export function secretName(policy: string): string {
  return policy.toUpperCase().replaceAll('-', '_');
}

const byHash = (a: { hash: string }, b: { hash: string }) => (a.hash < b.hash ? -1 : 1);
