import type { Policy } from '../../policy/declared/policy.ts';
import { flood, sendJunk } from './hostile.ts';
import { plainPolicy, secretIn } from './plain-policy.ts';
import type { Random } from './random.ts';
import type { StoreWatcher } from './store.ts';
import { connections, type World } from './world.ts';

type StoreChange = Parameters<StoreWatcher>[0];

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

export function randomPolicy(random: Random): Policy {
  const at = `${String(random.between(0, 23)).padStart(2, '0')}:${random.pick(['00', '15', '30', '59'])}`;
  const timeZone = random.pick(['UTC', 'Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'Asia/Kathmandu']);
  const stores = random.pick([
    ['first'],
    ['first'],
    ['first', 'second'],
    ['first', 'second'],
    ['first', 'blind'],
    ['blind'],
    ['cas'],
    ['weak'],
    ['first', 'cas'],
    ['cas', 'weak'],
    ['first', 'second?'],
    ['weak', 'cas?'],
  ]);
  return plainPolicy({
    name: `policy-${random.between(1, 1000)}`,
    connection: random.pick(connections),
    schedule: { every: random.chance(0.5) ? 1 : random.between(1, 30), at, timeZone },
    autoRotate: random.chance(0.9),
    secret: { ...secretIn(...stores), optionalWaitMs: random.pick([0, hour, day, 7 * day]) },
    graceMs: random.pick([0, 0, minute, hour, 23.5 * hour, day, day, 3 * day]),
    quarantineMs: random.pick([0, minute, hour, day, 7 * day]),
  });
}

/** What people do to the policy over its life, at any time. */
export function messages(world: World, policy: Policy, random: Random, spanMs: number): Promise<void>[] {
  const { clock, entity } = world;
  const sometime = () => clock.wait(random.between(0, spanMs));
  const pauses = Array.from({ length: random.between(0, 2) }, async () => {
    await sometime();
    await entity.send('pause', { reason: 'a holiday' });
    await clock.wait(random.between(minute, 3 * day));
    await entity.send('resume');
  });
  const requests = Array.from({ length: random.between(0, 6) }, async (_, n) => {
    await sometime();
    await request(world, `request ${n}`, random);
  });
  const applies = Array.from({ length: random.between(0, 2) }, async () => {
    await sometime();
    const graceMs = random.pick([0, minute, hour, day]);
    await entity.apply({ ...policy, graceMs, autoRotate: policy.autoRotate && random.chance(0.8) });
  });
  const junk = Array.from({ length: random.between(0, 10) }, async () => {
    await sometime();
    await sendJunk(world, random);
  });
  const floods = Array.from({ length: random.chance(0.1) ? 1 : 0 }, async () => {
    await sometime();
    await flood(world, random);
  });
  const outages = Array.from({ length: random.between(0, 2) }, async () => {
    await sometime();
    outage(world, random);
  });
  const tampering = Array.from({ length: random.chance(0.15) ? random.between(1, 2) : 0 }, async () => {
    await sometime();
    tamper(world, policy, random);
  });
  return [
    ...pauses,
    ...requests,
    ...junk,
    ...floods,
    ...outages,
    ...tampering,
    ...applies,
    // The last word is the policy as it was.
    clock.wait(spanMs).then(() => entity.apply(policy)),
  ];
}

/** What happens just while a rotation is under way. */
export function disturb(world: World, policy: Policy, random: Random, isCalm: () => boolean): void {
  if (!random.chance(0.3)) return;
  const { clock, entity } = world;
  const what = random.between(0, 8);
  // While it is under way, or when the key that it replaces is to be disabled.
  const inMs = random.between(0, 10 * minute) + (random.chance(0.4) ? (entity.state().policy?.graceMs ?? 0) : 0);
  clock.after(inMs, () => {
    if (isCalm()) return;
    const told = {
      0: () => request(world, `meanwhile ${clock.now()}`, random),
      1: () => entity.send('pause'),
      2: () => entity.send('resume'),
      7: () => sendJunk(world, random),
      8: () => entity.send('refresh'),
      3: () => entity.apply({ ...policy, graceMs: random.pick([0, hour]) }),
    }[what];
    if (told === undefined) outage(world, random);
    else told().catch((error: Error) => world.invariants.report(`a message failed: ${error.stack}`));
  });
}

/** Somebody deletes the policy; now and then in the middle of a rotation. */
export async function end(world: World, random: Random): Promise<void> {
  const mode = random.pick(['detach', 'retire', 'destroy'] as const);
  if (random.chance(0.5)) {
    await request(world, 'the last one', random);
    await world.clock.wait(random.between(0, 2 * minute));
  }
  if (mode === 'detach' && random.chance(0.5)) await world.entity.cancel();
  else await world.entity.send('endPolicy', { mode });
  // Somebody changes their mind: whatever is under way, nothing more is done.
  if (mode === 'retire' && random.chance(0.2)) {
    await world.clock.wait(random.between(0, day));
    await world.entity.cancel();
  }
}

const lastShown = new WeakMap<World, Map<string, string>>();

/** The secret of a policy that is being deleted leaves a store, and somebody puts it back: its application broke. */
export function putBack(world: World, policy: Policy, { store, value, by }: StoreChange, random: Random): void {
  const shown = lastShown.get(world) ?? new Map<string, string>();
  lastShown.set(world, shown);
  const before = shown.get(store);
  if (value !== null) shown.set(store, value);
  if (by !== 'removal' || before === undefined || !random.chance(0.3)) return;
  const shelf = world.stores.find(({ name }) => name === store);
  world.clock.after(random.between(0, 400), () => {
    world.invariants.tampered();
    shelf?.tamper(policy.secret.name, before);
  });
  world.clock.after(random.between(1, 5) * hour, () => shelf?.takeAway(policy.secret.name));
}

async function request(world: World, requestId: string, random: Random): Promise<void> {
  const asked = { requestId, reason: 'somebody asked', endGrace: random.chance(0.3) };
  const once = () => world.entity.send(random.chance(0.5) ? 'rotate' : 'rotateNow', asked);
  await once();
  if (random.chance(0.2)) await once();
}

/** OpenRouter or a store is down for minutes, sometimes for hours. */
function outage(world: World, random: Random): void {
  const untilMs =
    world.clock.now() + (random.chance(0.8) ? random.between(1, 45) * minute : random.between(1, 8) * hour);
  if (random.chance(0.5)) {
    world.openrouter.outage = { kind: random.pick(['401', '5xx']), untilMs };
  } else {
    random.pick(world.stores).unavailableUntilMs = untilMs;
  }
}

/** Somebody changes things behind Keyturn's back. */
function tamper(world: World, policy: Policy, random: Random): void {
  const { entity, invariants, openrouter, stores } = world;
  const { current, retiring } = entity.state();
  if (current === null || entity.rotating()) return;
  const former = retiring.map(({ hash }) => openrouter.keys.get(hash)?.secret).find((secret) => secret !== undefined);
  invariants.tampered();
  switch (random.between(0, 3)) {
    case 0:
      openrouter.delete(current.hash, { by: 'outside' });
      break;
    case 1:
      if (openrouter.get(current.hash, 0) !== null) {
        openrouter.patch(current.hash, { disabled: true }, { by: 'outside' });
      }
      break;
    case 2:
      random.pick(stores).tamper(policy.secret.name, 'sk-or-v1-of-a-stranger');
      break;
    default:
      if (former !== undefined) random.pick(stores).tamper(policy.secret.name, former);
  }
}
