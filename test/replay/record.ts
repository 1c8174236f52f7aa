import '../quiet-runtime.ts';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Connection, WithStartWorkflowOperation } from '@temporalio/client';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { NativeConnection, Worker } from '@temporalio/worker';
import type { Activities } from '../../activities/index.ts';
import { keyturnPaths } from '../../config/paths.ts';
import { startDevServer } from '../../engine/dev-server.ts';
import { findDevServer } from '../../engine/find-dev-server.ts';
import { printProgress } from '../../engine/progress.ts';
import { setupNamespace } from '../../engine/setup.ts';
import { fault } from '../../errors/keyturn-error.ts';
import { newPolicyState } from '../../policy/state.ts';
import { activityInterceptor } from '../../worker/activity-interceptor.ts';
import { bundleWorkflows } from '../../worker/create-worker.ts';
import { applyPolicy, pause, resume, rotate, status, taskQueue, workflowId } from '../../workflows/messages.ts';
import { searchAttributeTypes } from '../../workflows/search-attributes.ts';
import { aPolicy } from '../policy/states.ts';
import { notingActivities } from '../workflows/noting-activities.ts';

/**
 * Records the histories that test/replay/replay.test.ts replays: node test/replay/record.ts
 *
 * Run it when a new kind of cycle appears, never to make a failing replay pass: histories like the recorded ones are
 * asleep in production, and code that cannot replay them needs `patched`. Each recorded run ended by continue-as-new,
 * so its last workflow task is complete: errors in an open one would go unseen.
 */
const folder = new URL('./histories/', import.meta.url);

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
const client = new Client({ connection });

try {
  await record('published', {}, async (handle) => {
    await handle.executeUpdate(rotate, { args: [{ requestId: 'one', reason: 'recorded' }] });
    await until(handle, ({ keys }) => keys.length === 1 && keys[0]?.generation === 2);
  });
  const failing: Partial<Activities> = {
    verifySecret: async () => {
      throw fault('KEYTURN_STORE_UNKNOWN', 'local', []);
    },
  };
  await record('undone', failing, async (handle) => {
    await until(handle, ({ last }) => last?.event === 'undone');
    await handle.signal(pause, { reason: 'recorded' });
    await handle.signal(resume);
  });
} finally {
  await connection.close();
  await server.close();
  await rm(temp, { recursive: true, force: true });
}

type Handle = ReturnType<typeof client.workflow.getHandle>;

async function record(scenario: string, changes: Partial<Activities>, play: (handle: Handle) => Promise<void>) {
  const native = await NativeConnection.connect({ address: server.address });
  const worker = await Worker.create({
    connection: native,
    taskQueue,
    workflowBundle: await bundleWorkflows(),
    activities: { ...notingActivities([]), ...changes },
    interceptors: { activity: [(context) => ({ inbound: activityInterceptor(context) })] },
  });
  await worker.runUntil(async () => {
    const policy = aPolicy({ name: scenario, graceMs: 2_000, quarantineMs: 1_500 });
    const startWorkflowOperation = new WithStartWorkflowOperation('rotationPolicy', {
      workflowId: workflowId(scenario),
      taskQueue,
      args: [newPolicyState(scenario)],
      workflowIdConflictPolicy: 'FAIL',
    });
    await client.workflow.executeUpdateWithStart(applyPolicy, { startWorkflowOperation, args: [policy, {}] });
    await play(client.workflow.getHandle(workflowId(scenario)));
  });
  await native.close();

  const runs = await Array.fromAsync(client.workflow.list({ query: `WorkflowId = "${workflowId(scenario)}"` }));
  const closed = runs.filter((run) => run.status.name === 'CONTINUED_AS_NEW').toReversed();
  for (const [n, { runId }] of closed.entries()) {
    const history = await client.workflow.getHandle(workflowId(scenario), runId).fetchHistory();
    const file = `${scenario}-${n + 1}.json`;
    await writeFile(new URL(file, folder), `${JSON.stringify(JSON.parse(historyToJSON(history)), null, 1)}\n`);
    progress.done(file);
  }
}

async function until(handle: Handle, done: (now: Awaited<ReturnType<typeof ask>>) => boolean) {
  while (!done(await ask(handle))) await new Promise((again) => setTimeout(again, 200));
}

function ask(handle: Handle) {
  return handle.query(status);
}
