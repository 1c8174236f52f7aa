import { currentBuild, type RunStanding, standingsOf } from './builds.ts';
import type { refreshPolicies } from './refresh-policies.ts';
import { whileTakenOver } from './take-over.ts';
import type { Temporal } from './temporal.ts';

/** What became of a refresh: who goes on in a new run, and who will later, with the build it is on. */
export type Moved = {
  /** The build that new runs begin on; null where there are no builds. */
  current: string | null;
  moved: string[];
  waiting: { name: string; build: string | null }[];
};

type Watched = Pick<Parameters<typeof refreshPolicies>[1], 'policies' | 'stillOf'>;

/**
 * Has each of the policies go on in a new run, on the current build where there are builds. `refresh` is
 * `refreshPolicies`, or that with something to see meanwhile. Policies that have ended are left out.
 * `takeOver`: from builds that no worker runs any more, too.
 */
export async function movePolicies(
  temporal: Temporal,
  policies: readonly string[],
  refresh: (watched: Watched) => Promise<string[]>,
  { takeOver = false } = {},
): Promise<Moved> {
  const before = await standingsOf(temporal, policies);
  const current = await currentBuild(temporal);
  let seen = before;
  const hasMoved = (name: string, now: RunStanding) =>
    now.runId !== before.get(name)?.runId && (current === null || now.build === current);
  const stillOf = async (left: readonly string[]) => {
    seen = await standingsOf(temporal, left);
    return [...seen].filter(([name, now]) => !hasMoved(name, now)).map(([name]) => name);
  };
  const names = [...before.keys()].sort();
  const isElsewhere = ({ build }: RunStanding) => build !== null && current !== null && build !== current;
  const elsewhere = takeOver ? [...before].filter(([, standing]) => isElsewhere(standing)).map(([name]) => name) : [];
  const left = new Set(await whileTakenOver(temporal, elsewhere, () => refresh({ policies: names, stillOf })));
  return {
    current,
    moved: names.filter((name) => !left.has(name)),
    waiting: [...left].sort().map((name) => ({ name, build: seen.get(name)?.build ?? null })),
  };
}
