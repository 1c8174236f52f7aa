import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Client } from '@temporalio/client';
import { parseAllDocuments } from 'yaml';
import { fewAtOnce } from '../client/few-at-once.ts';
import { choosePort } from '../engine/free-port.ts';
import { openMachine } from '../machine/open-machine.ts';
import type { PolicyState } from '../policy/life/state.ts';
import { Secret } from '../secrets/secret.ts';
import { type Simulator, startSimulator } from '../simulator/index.ts';
import { rotate, taskQueue, workflowId, workflowType } from '../workflows/messages.ts';
import { type LimitedProcess, startLimited } from './limited-process.ts';
import { longLived } from './long-lived.ts';
import { benchPolicy, handedOver, startPolicy } from './policy-runs.ts';
import { type Stack, startStack } from './stack.ts';
import type { Figure } from './table.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
/** In the cache before the first look: code is compiled, buffers have grown. */
const before = 200;
/** After work, V8 gives memory back that it has no use for. */
const settleMs = 10_000;
const fillTimeoutMs = 300_000;

/** `rotating` of `cached` policies rotate at once, twice; 0: none does. `say` hears how it goes. */
type Size = { cached: number; rotating: number; say: (line: string) => void };
type Deployment = { limitMiB: number; env: Record<string, string> };
type Worker = LimitedProcess & { metricsPort: number };

/**
 * Resident memory of workers of the built package, under the limit and with the settings of the deployment (Dockerfile,
 * deploy/kubernetes). A worker is ended between the workflows that only sleep and the policies, so that neither has what
 * the others left behind.
 */
export async function workerMemory(temporalCli: string, { cached, rotating, say }: Size): Promise<Figure[]> {
  const deployment = readDeployment();
  const { main, bundle } = buildPackage();
  const simulator = await startSimulator();
  const stack = await startStack(temporalCli);
  const { client, connection } = await stack.client(taskQueue);
  const start = () => startWorker(main, stack, deployment);
  let worker: Worker | undefined;
  try {
    await connectMain(stack, simulator);
    // A workflow as anybody has it: nothing of Keyturn's code is beside it.
    bundle('bench/bare-workflow.ts');
    worker = await start();
    say(`${deployment.limitMiB} MiB (${worker.limit}), ${JSON.stringify(deployment.env)}`);
    await sleep(settleMs);
    const empty = worker.resident().now;
    const bare = await perWorkflow(worker, cached, say, (n) => startSleeper(client, n));
    await worker.end();

    bundle('workflows/index.ts');
    worker = await start();
    const state = longLived(await stateOfOne(client));
    const policy = await perWorkflow(worker, cached, say, (n) => startCopy(client, state, n));
    for (const round of rotating > 0 ? [1, 2] : []) {
      await rotateAll(client, rotating, () => simulator.control.ledger().posts.length > round * rotating);
      const { now, most } = worker.resident();
      say(`${rotating} rotated, round ${round}: ${Math.round(now)} MiB, at most ${Math.round(most)} MiB`);
    }
    const { most } = worker.resident();
    return [
      figure('memory.emptyWorkerMegabytes', 'resident: a worker without policies', empty, 'MiB', 200),
      figure('memory.bareKilobytes', 'resident: a cached workflow that sleeps', bare, 'KiB', null),
      figure('memory.policyKilobytes', 'resident: a cached policy', policy, 'KiB', null),
      figure('memory.policyRatio', 'cached policy : workflow that sleeps', policy / bare, '', 1.3),
      figure('memory.mostMegabytes', 'resident, at most', most, 'MiB', deployment.limitMiB),
    ];
  } finally {
    await worker?.end();
    await connection.close();
    await stack.close();
    await simulator.close();
  }
}

function figure(id: string, name: string, value: number, unit: string, atMost: number | null): Figure {
  return { id, name, value, unit, budget: atMost === null ? null : { atMost } };
}

/** The limit of deploy/kubernetes, and what it and the Dockerfile set of Node and of the allocator. */
function readDeployment(): Deployment {
  const [worker] = parseAllDocuments(readFileSync(join(root, 'deploy/kubernetes/worker.yaml'), 'utf8'));
  if (worker === undefined) throw new Error('deploy/kubernetes/worker.yaml has no worker');
  const { env, resources } = worker.toJS().spec.template.spec.containers[0];
  const options = (env as { name: string; value: string }[]).find(({ name }) => name === 'NODE_OPTIONS');
  const dockerfile = readFileSync(join(root, 'Dockerfile'), 'utf8');
  return {
    limitMiB: Number(/^(\d+)Gi$/.exec(resources.limits.memory)?.[1]) * 1024,
    env: {
      NODE_OPTIONS: String(options?.value),
      ...Object.fromEntries([...dockerfile.matchAll(/\b(MALLOC_\w+)=(\w+)/g)].map(([, name, value]) => [name, value])),
    },
  };
}

/** The package as `npm run build` makes it, but for its bundle. */
function buildPackage(): { main: string; bundle: (workflows: string) => void } {
  const folder = join(root, 'node_modules/.cache/keyturn/bench-package/dist');
  const run = (program: string, ...args: string[]) =>
    execFileSync(program, args, { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] });
  run(join(root, 'node_modules/.bin/tsc'), '-p', 'tsconfig.build.json', '--outDir', folder);
  copyFileSync(join(root, 'package.json'), join(folder, '../package.json'));
  return {
    main: join(folder, 'cli/main.js'),
    /** What the next worker runs. */
    bundle: (workflows) =>
      run(process.execPath, 'worker/make-bundle.ts', join(folder, 'workflow-bundle.js'), join(root, workflows)),
  };
}

async function connectMain({ paths }: Stack, { url, managementKey }: Simulator): Promise<void> {
  const env = {};
  const { connections } = await openMachine({ env, cwd: paths.dataDir, paths });
  await connections.add('main', { managementKey: new Secret(managementKey), baseUrl: url });
}

async function startWorker(main: string, { paths, address }: Stack, { limitMiB, env }: Deployment): Promise<Worker> {
  const metricsPort = await choosePort({ asked: 0, usual: 0, forWhat: 'metrics' });
  const worker = startLimited(limitMiB, [main, 'worker'], {
    PATH: process.env.PATH,
    XDG_DATA_HOME: dirname(paths.dataDir),
    XDG_CONFIG_HOME: dirname(paths.configDir),
    TEMPORAL_ADDRESS: address,
    KEYTURN_PACE: 'simulator',
    KEYTURN_VERSIONING: 'off',
    KEYTURN_HEALTH_PORT: '0',
    KEYTURN_METRICS_PORT: String(metricsPort),
    ...env,
  });
  // Its parent is told when it is ready. One that dies on the way, or later, is the result.
  await Promise.race([once(worker.child, 'message'), worker.died]);
  return { ...worker, metricsPort };
}

/** KiB that a further cached workflow takes, started by `start`. */
async function perWorkflow(
  worker: Worker,
  cached: number,
  say: Size['say'],
  start: (n: number) => Promise<void>,
): Promise<number> {
  const few = await residentWith(worker, 1, before, start);
  const many = await residentWith(worker, before + 1, cached, start);
  const each = ((many - few) * 1024) / (cached - before);
  say(`${await cachedBy(worker)} cached: ${Math.round(many)} MiB, ${Math.round(each)} KiB each`);
  return each;
}

async function residentWith(worker: Worker, first: number, last: number, start: (n: number) => Promise<void>) {
  const numbers = Array.from({ length: last - first + 1 }, (_, n) => first + n);
  await Promise.race([fewAtOnce(numbers, start), worker.died]);
  const late = Date.now() + fillTimeoutMs;
  while ((await cachedBy(worker)) < last) {
    if (Date.now() > late) throw new Error(`${await cachedBy(worker)} of ${last} workflows are cached`);
    await sleep(200);
  }
  await sleep(settleMs);
  return worker.resident().now;
}

/** As the worker's metrics have it. */
async function cachedBy({ metricsPort, died }: Worker): Promise<number> {
  const metrics = fetch(`http://127.0.0.1:${metricsPort}/metrics`).then((answer) => answer.text());
  const text = await Promise.race([metrics, died]);
  return Number(/^temporal_sticky_cache_size\{[^}]*\} (\d+)/m.exec(text)?.[1] ?? 0);
}

async function startSleeper(client: Client, n: number): Promise<void> {
  await client.workflow.start('bareSleeper', { workflowId: `bare-${n}`, taskQueue });
}

/** A policy with its first key, from the worker itself: its state is a real one. */
async function stateOfOne(client: Client): Promise<PolicyState> {
  const policy = benchPolicy('sleeper-0');
  await startPolicy(client, taskQueue, policy);
  return handedOver(client, policy.name);
}

async function startCopy(client: Client, state: PolicyState, n: number): Promise<void> {
  const { name, secret } = benchPolicy(`sleeper-${n}`);
  await client.workflow.start(workflowType, {
    workflowId: workflowId(name),
    taskQueue,
    args: [{ ...state, name, policy: state.policy && { ...state.policy, name, secret } }],
  });
}

/** Asks `many` policies to rotate, all at once, and waits until `areMade` and nobody rotates any more. */
async function rotateAll(client: Client, many: number, areMade: () => boolean): Promise<void> {
  const asked = Array.from({ length: many }, async (_, n) => {
    const request = { requestId: crypto.randomUUID(), reason: 'a benchmark', endGrace: true };
    await client.workflow.getHandle(workflowId(`sleeper-${n + 1}`)).executeUpdate(rotate, { args: [request] });
  });
  await Promise.all(asked);
  const rotating = async () => (await client.workflow.count('KeyturnState = "rotating"')).count;
  while (!areMade() || (await rotating()) > 0) await sleep(500);
}
