import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { stringify } from 'yaml';
import type { Policy } from '../../policy/declared/policy.ts';
import { existingKeys, secretName } from './agreement.ts';
import { awsPlace } from './places/aws-place.ts';
import { baoPlace } from './places/bao-place.ts';
import { type EnvFilePlace, envFilePlace } from './places/env-file-place.ts';
import { infisicalPlace } from './places/infisical-place.ts';
import { kubernetesPlace } from './places/kubernetes-place.ts';
import type { PlaceUnderTest } from './places/place-under-test.ts';
import { eventually, policyNamed, statusWhen } from './rotation.ts';
import { type Stack, startStack } from './stack.ts';

/** A stack whose keyturn.yaml declares five stores, each a real service but Infisical's stub. */
export type FiveStores = {
  stack: Stack;
  /** In the order in which policies write them. */
  places: PlaceUnderTest[];
  /** The last one, which tests break. */
  envFile: EnvFilePlace;
  /** A policy with a place in each, whose containers are made. */
  policy: (name: string, changes?: Partial<Policy>) => Promise<Policy>;
};

/** Tests over five stores; where an engine cannot be had, one line says so. */
export async function describeOnFiveStores(what: string, tests: (five: FiveStores) => void): Promise<void> {
  const opened = [await infisicalPlace(), await awsPlace(), await baoPlace(), await kubernetesPlace()];
  const missing = opened.flatMap((one) => ('unavailable' in one ? [one.unavailable] : []));
  const envFile = await envFilePlace();
  const places = [...opened.filter((one) => 'store' in one), envFile];
  const close = () => Promise.all(places.map((place) => place.close()));
  if (missing.length > 0) {
    await close();
    console.warn(`Not tested: ${what}. ${missing.join('; ')}`);
    describe.skip(what, () => test('in real processes', () => {}));
    return;
  }
  describe(what, () => {
    const five = { places, envFile } as FiveStores;
    beforeAll(async () => {
      const stack = await startStack(inject('temporalCli'));
      const stores = Object.fromEntries(places.map(({ store, declared }) => [store, declared]));
      await writeFile(join(stack.folder, 'keyturn.yaml'), stringify({ stores }));
      const env = Object.assign({}, stack.env, ...places.map((place) => place.env));
      five.stack = { ...stack, env };
    });
    afterAll(async () => {
      await five.stack?.close();
      await close();
    });
    five.policy = async (name, changes = {}) => {
      await Promise.all(places.map((place) => place.make(name)));
      const all = places.map((place) => ({ store: place.store, ...place.spotOf(name), required: true }));
      const secret = { name: secretName(name), places: all, optionalWaitMs: 0 };
      return policyNamed(name, { secret, ...changes });
    };
    tests(five);
  });
}

/** Applies them one after the other, since each asks five stores, and waits until all have their first key. */
export async function issueFirstKeys({ stack }: FiveStores, policies: Policy[]): Promise<void> {
  const { keyturn } = stack;
  for (const policy of policies) {
    await eventually(async () => {
      await keyturn.applyRead(policy);
      return true;
    });
  }
  for (const { name } of policies) {
    await statusWhen(keyturn, name, ({ keys, running }) => running === null && keys[0]?.state === 'live');
  }
}

/** Each place holds the same key, which works; `status` says so of each, and no key is there that it does not name. */
export async function expectAllAgree({ stack, places }: FiveStores, policy: string): Promise<void> {
  const { keyturn, simulator } = stack;
  const { keys, stores } = await keyturn.status(policy);
  const live = keys.find(({ state }) => state === 'live');
  const held = await Promise.all(places.map((place) => place.keyIn(policy)));
  const hashes = held.map((secret) => secret && simulator.control.whoIs(secret));
  expect(hashes, `keys in the places of ${policy}`).toEqual(places.map(() => live?.hash));
  expect(await answerTo(stack, String(held[0]))).toBe(200);
  for (const store of stores) {
    expect(store).toMatchObject({ state: 'current', verdict: 'matches', generation: live?.generation });
  }
  const named = keys.map(({ hash }) => hash).sort();
  const there = existingKeys(stack, policy).map(({ hash }) => hash);
  expect(there.sort(), `keys of ${policy} upstream`).toEqual(named);
}

/** What OpenRouter answers to whoever uses it. */
export async function answerTo({ simulator }: Pick<Stack, 'simulator'>, secret: string): Promise<number> {
  const answer = await fetch(`${simulator.url}/key`, { headers: { authorization: `Bearer ${secret}` } });
  await answer.arrayBuffer();
  return answer.status;
}
