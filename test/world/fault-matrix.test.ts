import { afterAll, describe, expect, test } from 'vitest';
import type { StepName } from '../../workflows/saga/step-table.ts';
import { faultySteps, type Injection, type InjectionKind, injectionKinds, plainInjection } from './injections.ts';
import { orphansIn } from './orphans.ts';
import { secretIn } from './plain-policy.ts';
import { type Scripted, scriptedWorld } from './scripted-world.ts';

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

type StepWord = Exclude<keyof typeof faultySteps, 'remove'>;
const stepWords = Object.keys(faultySteps).filter((word): word is StepWord => word !== 'remove');

/** The night of 28 to 29 March 2026: 02:30 is missing in Berlin, so the run is at 03:00, 01:00 UTC. */
const startMs = Date.UTC(2026, 2, 28, 12);
const secondRunMs = 13 * hour;
const policy = {
  schedule: { every: 1, at: '02:30', timeZone: 'Europe/Berlin' },
  secret: secretIn('first', 'second'),
};

const outcomes = new Map<string, string>();

/** Every kind of injection at every step, in each of its variants. */
describe.each(stepWords)('%s', (word) => {
  test.each(injectionKinds)('%s leaves nothing behind', async (kind) => {
    const seen = new Set<string>();
    for (const [variant, injection] of variantsOf(kind).entries())
      seen.add(await liveThrough(word, injection, variant));
    outcomes.set(`${kind} ${word}`, seen.size > 1 ? 'either' : [...seen].join());
  });
});

afterAll(() => {
  const rows = injectionKinds.map((kind) => {
    const cells = stepWords.map((word) => (outcomes.get(`${kind} ${word}`) ?? '-').padEnd(10));
    return `${kind.padEnd(14)}${cells.join('')}`;
  });
  const head = `${''.padEnd(14)}${stepWords.map((word) => word.padEnd(10)).join('')}`;
  const legend =
    'goes on: published at the first try; again: undone, published by a later one; either: as the variant is';
  console.log(['', head, ...rows, '', legend].join('\n'));
});

/** Five days in which the second rotation meets it. Answers how that rotation ended. */
async function liveThrough(word: StepWord, injection: Injection, variant: number): Promise<string> {
  const step = faultySteps[word];
  const from = { fromMs: secondRunMs };
  // Only a rotation that is undone reaps, where no store has shown its key yet, and restores, where one does not answer.
  const failing = new Map<StepWord, StepName>([
    ['restore', 'verifySecret'],
    ['reap', 'captureSecret'],
  ]).get(word);
  const undone: Scripted[] =
    failing === undefined
      ? []
      : [{ step: failing, injection: plainInjection('5xx'), times: 600, untilMs: secondRunMs + 9 * hour, ...from }];
  const world = scriptedWorld({ startMs, policy, script: [...undone, { step, injection, ...from }] });
  const { clock, entity, invariants, openrouter, struck, stores } = world;
  await clock.run(entity.apply(world.policy).then(() => clock.wait(5 * day)));
  invariants.close();

  const what = `${injection.kind} at ${word}, variant ${variant}`;
  expect(struck.get(step)?.get(injection.kind) ?? 0, `${what}: struck`).toBeGreaterThan(0);
  expect(invariants.broken, what).toEqual([]);
  expect(invariants.secondsWithoutValidKey, what).toBe(0);
  expect(orphansIn(world), what).toEqual([]);
  const { current, history } = entity.state();
  const held = stores.map((store) => openrouter.keyOf(store.valueOf('OPENROUTER_API_KEY') ?? '')?.hash);
  expect(held, what).toEqual([current?.hash, current?.hash]);
  const second = history.filter((one) => one.event === 'published' || one.event === 'undone')[1];
  const dates = history.flatMap((one) =>
    one.event === 'published' && one.reason.kind === 'scheduled' ? [one.reason.date] : [],
  );
  expect(dates, `${what}: one a day`).toEqual(['2026-03-29', '2026-03-30', '2026-03-31', '2026-04-01', '2026-04-02']);
  return second?.event === 'undone' ? 'again' : 'goes on';
}

function variantsOf(kind: InjectionKind): Injection[] {
  const plain = plainInjection(kind);
  switch (kind) {
    case 'crash before':
      return [null, 5_000, 2 * minute, 30 * minute, 5 * hour].map((lateMs) => ({ ...plain, lateMs }));
    case 'crash after':
      return [0, minute, 2 * hour].map((downMs) => ({ ...plain, downMs }));
    case 'no turn':
      return [61_000, 20 * minute].map((retryAfterMs) => ({ ...plain, retryAfterMs }));
    case '429':
      return [null, 30_000, 20 * minute].map((retryAfterMs) => ({ ...plain, retryAfterMs }));
    case '5xx':
      return [true, false].map((committed) => ({ ...plain, committed }));
    case 'hang':
      return [
        { ...plain, committed: false },
        ...[0, 10_000, 4 * minute, 40 * minute, 15 * hour].map((lateMs) => ({ ...plain, lateMs })),
      ];
    case 'slow':
      return [2_000, 25_000, 90_000, 9 * minute].map((slowMs) => ({ ...plain, slowMs }));
    case 'stale read':
      return [5_000, minute, 10 * minute].map((ageMs) => ({ ...plain, ageMs }));
    case 'clock jump':
      return [minute, hour, 5 * hour, -hour].map((jumpMs) => ({ ...plain, jumpMs }));
    default:
      return [plain];
  }
}
