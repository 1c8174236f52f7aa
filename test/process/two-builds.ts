import '../quiet-runtime.ts';
import { Worker } from '@temporalio/worker';
import { expect } from 'vitest';
import type { Build } from '../../client/builds.ts';
import { connectTemporal, type Temporal } from '../../client/temporal.ts';
import { dataConverter } from '../../codec/data-converter.ts';
import { buildIdOf } from '../../worker/build-id.ts';
import { type WorkflowBundle, workflowBundle } from '../../worker/workflow-bundle.ts';
import { workflowId } from '../../workflows/messages.ts';
import { runKeyturn } from '../run-keyturn.ts';
import { expectAgreement } from './agreement.ts';
import { bundleOtherBuild, otherBuildVariable } from './other-build.ts';
import { endOfRotation, eventually, issueFirstKey, policyNamed, statusWhen } from './rotation.ts';
import type { Stack } from './stack.ts';
import { startHookedWorker, type WorkerProcess } from './worker-process.ts';

/** A machine, its Temporal and OpenRouter; no worker. */
export type Site = Pick<Stack, 'folder' | 'paths' | 'env' | 'runs' | 'keyring' | 'keyturn' | 'simulator' | 'vault'>;

const unhandledCommand = 1; // temporal.api.enums.v1.WorkflowTaskFailedCause
const policies = ['asleep', 'at-work'];

/**
 * Two builds side by side, policies asleep and one in the middle of a rotation: forward to the second build and back.
 * `pinned`: a run stays with its build to its end; else it goes over with its next turn.
 */
export async function rollForwardAndBack(site: Site, { pinned }: { pinned: boolean }): Promise<void> {
  const { keyturn } = site;
  const temporal = await connectTemporal({ env: site.env, keyring: site.keyring });
  const bundles = { first: await workflowBundle(), second: await bundleOtherBuild() };
  const [first, second] = [buildIdOf(bundles.first), buildIdOf(bundles.second)];
  const { held, hold } = rotationsHeld();
  const workers: WorkerProcess[] = [startHookedWorker(site, held)];
  const commands = buildCommands(site);
  try {
    await workers[0]?.ready;
    await Promise.all(
      policies.map(async (name) => {
        await issueFirstKey(keyturn, policyNamed(name, { graceMs: 0, quarantineMs: 0 }));
        await untilAsleep(site, name);
      }),
    );
    expect(await commands.standing()).toEqual({ [first]: { state: 'current', workers: 1, policies } });

    const other = { ...site, env: { ...site.env, [otherBuildVariable]: '1' } };
    workers.push(startHookedWorker(other, held));
    await workers[1]?.ready;
    expect(await commands.standing(), 'a build that starts moves nobody').toEqual({
      [first]: { state: 'current', workers: 1, policies },
      [second]: { state: 'inactive', workers: 1, policies: [] },
    });

    await roll(first, second);
    await roll(second, first);
    await expectNoTaskFailed(temporal);
    await expectReplaysOnItsBuilds(temporal, site, { [first]: bundles.first, [second]: bundles.second });
  } finally {
    await Promise.all(workers.map((worker) => worker.kill('SIGTERM')));
    await temporal.connection.close();
  }

  async function roll(from: string, to: string): Promise<void> {
    const keyMade = hold('at-work');
    const { rotationId } = await keyturn.rotate('at-work', { reason: `from ${from} to ${to}` });
    const goOn = await keyMade;
    const runBefore = await runOf(temporal, 'at-work');
    expect(await commands.run('build', 'current', to)).toMatchObject({ id: to, previous: from, workers: 1 });
    const after = await commands.standing();
    expect(after[to]).toEqual({ state: 'current', workers: 1, policies: [] });
    expect(after[from]?.policies, 'nobody moves before being told').toEqual(policies);

    const refreshed = commands.run('refresh', '--all');
    await eventually(async () => (await commands.standing())[to]?.policies.includes('asleep') === true);
    expect(await runOf(temporal, 'at-work'), 'a rotation under way stays in its run').toBe(runBefore);
    expect((await keyturn.status('at-work')).running?.rotationId).toBe(rotationId);
    if (pinned) expect((await commands.standing())[from]?.policies, 'and on its build').toEqual(['at-work']);
    goOn();
    expect((await endOfRotation(keyturn, 'at-work', rotationId)).event).toBe('published');
    expect(await refreshed).toEqual({ current: to, moved: policies, waiting: [] });
    // A run that has just begun is on no build yet, and a rotation ends with several.
    await untilAsleep(site, 'at-work');
    await eventually(async () => (await commands.standing())[to]?.policies.length === policies.length);
    const settled = await commands.standing();
    expect(settled[to]).toEqual({ state: 'current', workers: 1, policies });
    expect(settled[from]?.policies).toEqual([]);
    await Promise.all(policies.map((name) => expectRotates(site, name)));
  }
}

/** `keyturn …` with its answer as JSON. */
export function buildCommands(site: Pick<Site, 'folder' | 'env' | 'runs'>) {
  async function run(...args: string[]) {
    const { code, stdout, stderr } = await runKeyturn(site, [...args, '-o', 'json']);
    return code === 0 ? JSON.parse(stdout) : { exit: code, ...JSON.parse(stdout || stderr) };
  }
  return {
    run,
    /** `build list` by build. */
    async standing() {
      const builds: Build[] = await run('build', 'list');
      return Object.fromEntries(
        builds.map(({ id, state, workers, policies }) => [
          String(id),
          { state: state.replace(/drained|draining/, 'left'), workers, policies },
        ]),
      );
    },
  };
}

/** The policy publishes a key, and everybody agrees on which it is. */
export async function expectRotates(site: Site, policy: string): Promise<void> {
  const { rotationId } = await site.keyturn.rotate(policy, { reason: 'it can still do so' });
  const { event, fault } = await endOfRotation(site.keyturn, policy, rotationId);
  expect({ policy, event, fault }).toEqual({ policy, event: 'published', fault: null });
  await untilAsleep(site, policy);
  await expectAgreement(site, policy);
}

async function untilAsleep({ keyturn }: Site, policy: string): Promise<void> {
  await statusWhen(
    keyturn,
    policy,
    ({ running, next, keys }) => running === null && next !== null && keys.length === 1,
  );
}

/** Of a rotation that `hold` was called for, the step that makes a key stands when it is made, until it may go on. */
function rotationsHeld() {
  const holding = new Map<string, (goOn: () => void) => void>();
  return {
    async held({ at, step, policy }: { at: string; step: string; policy: string }): Promise<void> {
      const reached = holding.get(policy);
      if (reached === undefined || at !== 'after' || step !== 'createKey') return;
      holding.delete(policy);
      await new Promise<void>((goOn) => reached(goOn));
    },
    /** Resolves when the step stands, with what lets it go on. */
    hold: (policy: string) => new Promise<() => void>((resolve) => holding.set(policy, resolve)),
  };
}

async function runOf({ client }: Temporal, policy: string): Promise<string> {
  return (await client.workflow.getHandle(workflowId(policy)).describe()).runId;
}

async function* histories({ client }: Temporal) {
  for await (const { workflowId: id, runId } of client.workflow.list()) {
    yield { workflowId: id, runId, history: await client.workflow.getHandle(id, runId).fetchHistory() };
  }
}

/** But one that a message came in on: Temporal has it done again with the message. */
async function expectNoTaskFailed(temporal: Temporal): Promise<void> {
  const failed: unknown[] = [];
  for await (const { history, workflowId: id } of histories(temporal)) {
    for (const { workflowTaskFailedEventAttributes: wrong } of history.events ?? []) {
      if (wrong && wrong.cause !== unhandledCommand)
        failed.push({ id, cause: wrong.cause, why: wrong.failure?.message });
    }
  }
  expect(failed).toEqual([]);
}

async function expectReplaysOnItsBuilds(
  temporal: Temporal,
  { keyring }: Pick<Site, 'keyring'>,
  bundles: Record<string, WorkflowBundle>,
): Promise<void> {
  const { namespace } = temporal;
  const ran: Record<string, number> = {};
  for (const [build, workflowBundle] of Object.entries(bundles)) {
    const options = { workflowBundle, namespace, dataConverter: dataConverter(keyring, namespace) };
    for await (const { workflowId: id, error } of Worker.runReplayHistories(options, ofBuild(temporal, build))) {
      expect(error?.message, `${id} on ${build}`).toBeUndefined();
      ran[build] = (ran[build] ?? 0) + 1;
    }
  }
  expect(Object.keys(ran), 'both builds have run something').toEqual(Object.keys(bundles));
}

async function* ofBuild(temporal: Temporal, build: string) {
  for await (const one of histories(temporal)) {
    const builds = one.history.events?.map(
      ({ workflowTaskCompletedEventAttributes: done }) => done?.deploymentVersion?.buildId,
    );
    if (builds?.includes(build)) yield one;
  }
}
