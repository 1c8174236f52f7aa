import { setTimeout as sleep } from 'node:timers/promises';
import { KeyturnError } from '../../errors/keyturn-error.ts';
import { digestOf, Secret } from '../../secrets/secret.ts';
import { openStores } from '../../stores/open-stores.ts';
import { kindNamed } from '../../stores/registry.ts';
import type { Spot } from '../../stores/store.ts';

/** What a process is told as its argument, in JSON. */
export type Rotations = { declared: { kind: string }; spot: Spot; policy: string; times: number };

const { declared, spot, policy, times } = JSON.parse(String(process.argv[2])) as Rotations;
const stores = openStores({
  declared: new Map([['shop', { kind: declared.kind, content: kindNamed(declared.kind)?.schema.parse(declared) }]]),
  folder: '/',
  env: process.env,
  local: () => Promise.reject(new Error('there is no local vault')),
  time: { now: Date.now, wait: (ms) => sleep(ms) },
});
const store = await stores.get('shop');

// Both begin when both are there.
process.send?.('ready');
await new Promise((resolve) => process.once('message', resolve));

let last: Secret | null = null;
for (let n = 1; n <= times; n++) {
  const value = new Secret(`sk-or-v1-${policy}-${n}`);
  const writer = { policy, rotationId: `r${n}` };
  const { memento } = await patiently(() => store.capture(spot, writer));
  await patiently(() => store.write(spot, value, writer, memento));
  await expectHeld(value, `written for the ${n}th time`);
  if (n % 7 !== 0) {
    last = value;
    continue;
  }
  const { end } = await patiently(() => store.restore(spot, memento, writer, digestOf(value), null));
  if (end !== 'restored') throw new Error(`the undo of the ${n}th ended as ${end}`);
  if (last !== null) await expectHeld(last, `put back for the ${n}th time`);
}
await stores.close();
process.disconnect?.();

async function expectHeld(value: Secret, when: string): Promise<void> {
  const held = await patiently(() => store.read(spot, policy));
  if (held.kind === 'held' && digestOf(held.value) === digestOf(value)) return;
  throw new Error(`the field of ${policy} was lost, ${when}`);
}

/** As the saga does: each step again while it is told to. */
async function patiently<Answer>(step: () => Promise<Answer>): Promise<Answer> {
  for (;;) {
    try {
      return await step();
    } catch (error) {
      if (!(error instanceof KeyturnError) || error.kind !== 'transient') throw error;
      await sleep(error.retryAfterMs ?? 100);
    }
  }
}
