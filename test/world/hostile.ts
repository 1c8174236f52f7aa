import type { Random } from './random.ts';
import type { World } from './world.ts';

const minute = 60_000;

/** What is no message, or one that a client of another version, a script or a click in the Web UI has sent. */
const inputs: readonly unknown[] = [
  undefined,
  null,
  7,
  true,
  'now',
  [],
  [{}],
  {},
  { mode: 'dettach' },
  { mode: null },
  { reason: 5 },
  { reason: { toString: 1 } },
  { requestId: {}, reason: 'x' },
  { endGrace: 'yes' },
  { requestId: 'x'.repeat(5_000), reason: 'x' },
  { name: 'checkout', schedule: { every: { valueOf: 1 } } },
  { version: 99, name: 'checkout' },
  { secret: null, key: null, schedule: null },
  { name: 'checkout', connection: 'main', schedule: {}, key: {}, secret: { name: 'x', stores: {} } },
];

/** Signals and updates; `rotate` and `rotateNow` only with what they cannot take, for what they can is a request. */
const names = ['rotateNow', 'rotate', 'pause', 'endPolicy', 'applyPolicy', 'noSuchMessage'] as const;
const notRequests = inputs.filter((input) => input !== undefined && input !== null && !isMap(input));

function isMap(input: unknown): boolean {
  return typeof input === 'object' && !Array.isArray(input);
}

/** One message that must change nothing. */
export async function sendJunk(world: World, random: Random): Promise<void> {
  const name = random.pick(names);
  const isRequest = name === 'rotate' || name === 'rotateNow' || name === 'pause';
  await world.entity.send(name, random.pick(isRequest ? notRequests : inputs));
}

/** The same message hundreds of times, with texts far too long; what it means is done once. */
export async function flood(world: World, random: Random): Promise<void> {
  const { entity, clock } = world;
  const reason = 'x'.repeat(random.pick([10, 600, 20_000]));
  const requestId = `flood ${clock.now()}`;
  const isPause = random.chance(0.5);
  for (let times = 0; times < 100; times++) {
    if (isPause) await entity.send('pause', { reason });
    else await entity.send('rotateNow', { requestId, reason });
    if (random.chance(0.05)) await clock.wait(random.between(1, minute));
  }
  if (isPause) await entity.send('resume');
}
