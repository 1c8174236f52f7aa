import '../quiet-runtime.ts';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Connection, WithStartWorkflowOperation } from '@temporalio/client';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { NativeConnection, Worker, type WorkerOptions } from '@temporalio/worker';
import type { Activities } from '../../activities/index.ts';
import { keyturnPaths } from '../../config/paths.ts';
import { startDevServer } from '../../engine/dev-server.ts';
import { findDevServer } from '../../engine/find-dev-server.ts';
import { printProgress } from '../../engine/progress.ts';
import { setupNamespace } from '../../engine/setup.ts';
import { fault, retryAfter } from '../../errors/keyturn-error.ts';
import type { Policy } from '../../policy/declared/policy.ts';
import { newPolicyState, type PolicyState } from '../../policy/life/state.ts';
import { plus } from '../../policy/time/instant.ts';
import { activityInterceptor } from '../../worker/activity-interceptor.ts';
import { workflowBundle } from '../../worker/workflow-bundle.ts';
import * as messages from '../../workflows/messages.ts';
import { connectionQueue, taskQueue, workflowId } from '../../workflows/messages.ts';
import { searchAttributeTypes } from '../../workflows/search-attributes.ts';
import { aPolicy, hour } from '../policy/life/states.ts';
import { notingActivities } from '../workflows/noting-activities.ts';
import { endsAsleep, folder, inputOf, type RecordedHistory, recordedNames } from './histories.ts';

/**
 * Records the histories that test/replay/replay.test.ts replays: node test/replay/record.ts
 *
 * They are kept by release and scenario, and only ever added: those of a release are asleep in production long after the
 * next one, and code that cannot replay them needs `patched`. So run it when a release or a scenario is new; what is
 * there already it leaves alone. A recording ends where a run is over, or asleep: its last workflow task is complete,
 * because errors in an open one would go unseen.
 */
const { version } = JSON.parse(await readFile(new URL('../../package.json', import.meta.url), 'utf8'));

const second = 1_000;
/** No process and no machine is named in what is kept. */
const identity = 'recorder';

const { cacheDir } = keyturnPaths(process.env);
const progress = printProgress(process.stderr);
const { path } = await findDevServer({ env: process.env, cacheDir, progress });
const temp = await mkdtemp(join(tmpdir(), 'keyturn-record-'));
const server = await startDevServer({
  executable: path,
  env: { ...process.env, HOME: homedir() },
  logFile: join(temp, 'temporal.log'),
  port: 0,
  uiPort: false,
});
const connection = await Connection.connect({ address: server.address });
await setupNamespace(connection, 'default', { searchAttributes: searchAttributeTypes });
const client = new Client({ connection, identity });
const bundle = await workflowBundle();
await mkdir(new URL(`${version}/`, folder), { recursive: true });

type Handle = ReturnType<typeof client.workflow.getHandle>;
type Scene = {
  handle: Handle;
  /** Starts the policy; without, its first key is waited for. */
  apply: (changes?: Partial<Policy>) => Promise<unknown>;
  until: (done: (now: Awaited<ReturnType<typeof ask>>) => boolean) => Promise<void>;
  /** Keeps the open run once it sleeps, and what was closed before it. */
  asleep: () => Promise<RecordedHistory>;
};

try {
  await record('published', {}, async ({ handle, apply, until, asleep }) => {
    await apply({ graceMs: 2 * second, quarantineMs: 1_500 });
    await handle.executeUpdate(messages.rotate, { args: [{ requestId: 'one', reason: 'recorded' }] });
    await until(({ keys }) => keys.length === 1 && keys[0]?.generation === 2);
    await asleep();
  });

  const failing: Partial<Activities> = {
    verifySecret: async () => {
      throw fault('KEYTURN_STORE_UNKNOWN', 'local', []);
    },
  };
  await record('undone', failing, async ({ apply, until, asleep }) => {
    await apply();
    await until(({ last }) => last?.event === 'undone');
    await asleep();
  });
  const shown: Partial<Activities> = {
    ...failing,
    restoreSecret: async () => ({ shown: true, approval: null, left: null }),
  };
  await record('withdrawn', shown, async ({ apply, until, asleep }) => {
    await apply();
    await until(({ keys }) => keys[0]?.withdrawn === true);
    await asleep();
  });

  await record('pause', {}, async ({ handle, apply, asleep }) => {
    await apply();
    await asleep();
    await handle.signal(messages.pause, { reason: 'recorded' });
    await asleep();
    await handle.signal(messages.resume);
    await asleep();
  });

  await record('apply', {}, async ({ apply, asleep }) => {
    await apply();
    await asleep();
    await apply();
    await asleep();
    await apply({ schedule: { every: 7, at: '12:00', timeZone: 'UTC' } });
    await asleep();
    await apply({ autoRotate: false });
    await asleep();
  });

  await record('refresh', {}, async ({ handle, apply, asleep }) => {
    await apply();
    await asleep();
    await handle.signal(messages.refresh);
    await asleep();
  });

  const refused: Partial<Activities> = {
    disableKey: async ({ key }) => {
      throw fault('KEYTURN_OLD_KEY_STILL_NEEDED', key.generation, 'store "local" still holds it');
    },
  };
  await record('blocked', refused, async ({ handle, apply, until, asleep }) => {
    await apply({ graceMs: second });
    await handle.executeUpdate(messages.rotate, { args: [{ requestId: 'one', reason: 'recorded' }] });
    await until(({ attention }) => attention.length > 0);
    await asleep();
  });

  let isLost = false;
  const losing: Partial<Activities> = {
    createKey: async () => {
      isLost = !isLost;
      if (isLost) throw fault('KEYTURN_CREATE_AMBIGUOUS', 'the connection was closed');
      return { hash: '0'.repeat(64), sealed: 'kt1.test.x' as never, digest: 'd', expiresAt: null };
    },
  };
  let watching: PolicyState | undefined;
  await record('lost', losing, async ({ apply, asleep }) => {
    await apply();
    watching = inputOf<PolicyState>(await asleep());
  });
  await record('swept', { reapKey: async () => ({ found: true }) }, async ({ handle, until, asleep }) => {
    if (watching === undefined) return;
    // Its first look is ten minutes after; here it is soon.
    const soon = plus(new Date().toISOString(), 2 * second);
    const strays = watching.strays.map((one) => ({ ...one, lookAt: [soon, ...one.lookAt.slice(1)] }));
    await start(handle, { ...watching, strays });
    await until((now) => now.strays.length === 0);
    await asleep();
  });

  let isBusy = false;
  const busy: Partial<Activities> = {
    createKey: async () => {
      isBusy = !isBusy;
      if (isBusy) throw retryAfter(fault('KEYTURN_NOT_SENT', 'recorded'), second);
      return { hash: '0'.repeat(64), sealed: 'kt1.test.x' as never, digest: 'd', expiresAt: null };
    },
  };
  await record('turn', busy, async ({ apply, asleep }) => {
    await apply();
    await asleep();
  });

  await record('malformed', {}, async ({ handle, apply, until, asleep }) => {
    await apply();
    await asleep();
    for (const input of [null, 5, [], { reason: {} }]) await handle.signal('rotateNow', input);
    await handle.signal('pause', 'recorded');
    await handle.signal('noSuchSignal', { any: 'thing' });
    await until(({ keys, dropped }) => dropped.length === 3 && keys[0]?.generation === 2);
    await asleep();
  });

  await record('ending', {}, async ({ handle, apply, until, asleep }) => {
    await apply();
    await handle.executeUpdate(messages.rotate, { args: [{ requestId: 'one', reason: 'recorded', endGrace: true }] });
    await until(({ keys }) => keys[0]?.generation === 2);
    await handle.executeUpdate(messages.endPolicy, { args: [{ mode: 'retire' }] });
    await asleep();
  });
  await record('destroyed', {}, async ({ handle, apply }) => {
    await apply();
    await handle.executeUpdate(messages.endPolicy, { args: [{ mode: 'destroy' }] });
    await handle.result();
  });
  await record('cancelled', {}, async ({ handle, apply, asleep }) => {
    await apply();
    await asleep();
    await handle.cancel();
    await handle.result();
  });

  await record('newer', {}, async ({ handle, until, asleep }) => {
    await start(handle, { version: 99, name: 'newer', anything: 1 });
    await until(({ attention }) => attention.length > 0);
    await asleep();
    await handle.signal(messages.pause, { reason: 'recorded' });
    await handle.signal(messages.refresh);
    await asleep();
  });
} finally {
  await connection.close();
  await server.close();
  await rm(temp, { recursive: true, force: true });
}

async function record(scenario: string, changes: Partial<Activities>, play: (scene: Scene) => Promise<void>) {
  if (recordedNames.includes(`${version}/${scenario}-1`)) return;
  const native = await NativeConnection.connect({ address: server.address });
  const common: Omit<WorkerOptions, 'taskQueue'> = {
    connection: native,
    identity,
    activities: { ...notingActivities([]), ...changes },
    interceptors: { activity: [(context) => ({ inbound: activityInterceptor(context) })] },
  };
  const workers = [
    await Worker.create({ ...common, taskQueue, workflowBundle: bundle }),
    await Worker.create({ ...common, taskQueue: connectionQueue(taskQueue, 'main') }),
  ];
  const handle = client.workflow.getHandle(workflowId(scenario));
  const until: Scene['until'] = async (done) => {
    while (!done(await ask(handle))) await new Promise((again) => setTimeout(again, 200));
  };
  const kept: RecordedHistory[] = [];
  const closed = new Set<string>();
  const keepClosed = async () => {
    const runs = await Array.fromAsync(client.workflow.list({ query: `WorkflowId = "${workflowId(scenario)}"` }));
    for (const { runId, status } of runs.toReversed()) {
      if (status.name === 'RUNNING' || closed.has(runId)) continue;
      closed.add(runId);
      kept.push(await historyOf(client.workflow.getHandle(workflowId(scenario), runId)));
    }
  };
  const scene: Scene = {
    handle,
    until,
    apply: async (changed = {}) => {
      const policy = aPolicy({ name: scenario, graceMs: hour, ...changed });
      const startWorkflowOperation = new WithStartWorkflowOperation('rotationPolicy', {
        workflowId: workflowId(scenario),
        taskQueue,
        args: [newPolicyState(scenario)],
        workflowIdConflictPolicy: 'USE_EXISTING',
      });
      await client.workflow.executeUpdateWithStart(messages.applyPolicy, {
        startWorkflowOperation,
        args: [policy, {}],
      });
      await until(({ last, running }) => last !== null && running === null);
    },
    asleep: async () => {
      for (;;) {
        const { running } = await ask(handle);
        const history = await historyOf(handle);
        await new Promise((again) => setTimeout(again, second));
        const isStill = (await historyOf(handle)).events.at(-1)?.eventTime === history.events.at(-1)?.eventTime;
        if (running !== null || !isStill || !endsAsleep(history)) continue;
        await keepClosed();
        kept.push(history);
        return history;
      }
    },
  };
  const ended = play(scene);
  await Promise.all(workers.map((worker) => worker.runUntil(ended)));
  await native.close();
  await keepClosed();
  for (const [n, history] of kept.entries()) {
    const file = `${version}/${scenario}-${n + 1}.json`;
    await writeFile(new URL(file, folder), `${JSON.stringify(history, null, 1)}\n`, { flag: 'wx' });
    progress.done(file);
  }
}

async function start(handle: Handle, state: unknown): Promise<void> {
  await client.workflow.start('rotationPolicy', { workflowId: handle.workflowId, taskQueue, args: [state] });
}

async function historyOf(handle: Handle): Promise<RecordedHistory> {
  return JSON.parse(historyToJSON(await handle.fetchHistory()));
}

function ask(handle: Handle) {
  return handle.query(messages.status);
}
