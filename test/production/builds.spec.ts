import { execFileSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { connect, type Keyturn } from '../../client/keyturn.ts';
import { connectTemporal, type Environment } from '../../client/temporal.ts';
import { Secret } from '../../secrets/secret.ts';
import { type Simulator, startSimulator } from '../../simulator/index.ts';
import { workflowId } from '../../workflows/messages.ts';
import { type Machine, newMachine } from '../process/machine.ts';
import { otherBuildVariable } from '../process/other-build.ts';
import { issueFirstKey, policyNamed } from '../process/rotation.ts';
import { buildCommands, expectRotates, rollForwardAndBack, type Site } from '../process/two-builds.ts';
import { startHookedWorker, startWorker } from '../process/worker-process.ts';
import { runKeyturn } from '../run-keyturn.ts';
import { adminTools, composed, runJob } from './composed.ts';
import { startPostgres } from './postgres.ts';
import { say } from './say.ts';
import { launchTemporal, planTemporal, untilServing } from './temporal.ts';

// Builds on the server of docker-compose.yml, where a run stays with its build and moves on when it continues as new.

/** `temporal.api.enums.v1.VersioningBehavior` */
const pinned = 1;

const onExit: (() => unknown)[] = [];
let machine: Machine;
let simulator: Simulator;
let env: Environment;
let namespaces: (name: string) => Promise<void>;

beforeAll(async () => {
  machine = await newMachine();
  onExit.push(() => machine.remove());
  const { folder, paths, keyring } = machine;
  const secrets = join(folder, 'secrets');
  execFileSync(fileURLToPath(new URL('../../deploy/make-secrets.sh', import.meta.url)), [secrets], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const tools = await adminTools(folder);
  const path = `${tools}:${process.env.PATH}`;
  const password = await readFile(join(secrets, 'postgres-password'), 'utf8');
  const postgres = await startPostgres({ user: 'temporal', password });
  onExit.push(() => postgres.close());
  await runJob('schema', secrets, { PATH: path, SQL_HOST: '127.0.0.1', SQL_PORT: String(postgres.port) });
  const plan = await planTemporal(postgres, { secrets, logFile: join(paths.logsDir, 'temporal.log') });
  const server = launchTemporal(plan);
  onExit.push(() => server.kill('SIGTERM'));
  const { KEYTURN_CONFIG: _, ...environment } = composed('worker', secrets).environment;
  env = { ...environment, ...machine.env, TEMPORAL_ADDRESS: plan.address };
  await (await untilServing(plan, server, { env, keyring })).connection.close();
  const cli = { PATH: path, HOME: folder, TEMPORAL_ADDRESS: plan.address };
  namespaces = async (name) => {
    if (name === env.TEMPORAL_NAMESPACE) await runJob('namespace', secrets, cli);
    else {
      const args = ['operator', 'namespace', 'create', '--namespace', name];
      execFileSync(join(tools, 'temporal'), args, { env: { ...env, HOME: folder }, stdio: 'ignore' });
    }
    const { code, stderr } = await runKeyturn({ folder, env: { ...env, TEMPORAL_NAMESPACE: name } }, ['setup']);
    if (code !== 0) throw new Error(stderr);
  };
  simulator = await startSimulator();
  onExit.push(() => simulator.close());
  await machine.connections.add('main', {
    managementKey: new Secret(simulator.managementKey),
    baseUrl: simulator.url,
  });
  say(`Temporal's server serves on ${plan.address}`);
});
afterAll(async () => {
  for (const clean of onExit.reverse()) await clean();
});

/** In a namespace of its own: its policies and its builds. */
async function siteIn(namespace: string): Promise<Site & { keyturn: Keyturn }> {
  await namespaces(namespace);
  const itsEnv = { ...env, TEMPORAL_NAMESPACE: namespace };
  const keyturn = await connect({ env: itsEnv, keyring: machine.keyring });
  onExit.push(() => keyturn.close());
  return { ...machine, env: itsEnv, keyturn, simulator };
}

test('two builds side by side, forward and back: a run stays with its build until it is told', async () => {
  const site = await siteIn(String(env.TEMPORAL_NAMESPACE));
  await rollForwardAndBack(site, { pinned: true });
  say('forward to a second build and back, with a policy asleep and one in a rotation');
});

test('policies that began before there were builds are carried on by the first build', async () => {
  const site = await siteIn('before-builds');
  const before = startWorker({ ...site, env: { ...site.env, KEYTURN_VERSIONING: 'off' } });
  await before.ready;
  await issueFirstKey(site.keyturn, policyNamed('elder', { graceMs: 0, quarantineMs: 0 }));
  const { run, standing } = buildCommands(site);
  expect(await standing()).toEqual({ null: { state: 'unversioned', workers: 1, policies: ['elder'] } });
  const next = startWorker(site);
  await next.ready;
  await before.kill('SIGTERM');
  expect(await run('refresh', 'elder')).toEqual({ current: expect.any(String), moved: ['elder'], waiting: [] });
  await expectRotates(site, 'elder');
  const [build] = await run('build', 'list');
  expect(build).toMatchObject({ state: 'current', policies: ['elder'] });
  await next.kill('SIGTERM');
  say('a policy of a worker without a build goes on with the first build');
});

test('workers that were replaced in place leave policies behind, and the new build takes them over', async () => {
  const site = await siteIn('in-place');
  const { run, standing } = buildCommands(site);
  const before = startWorker(site);
  await before.ready;
  await issueFirstKey(site.keyturn, policyNamed('left-behind', { graceMs: 0, quarantineMs: 0 }));
  const [first] = Object.keys(await standing());
  await before.kill('SIGTERM');
  const next = startHookedWorker({ ...site, env: { ...site.env, [otherBuildVariable]: '1' } }, async () => {});
  await next.ready;
  const [second] = Object.keys(await standing());
  await run('build', 'current', String(second));

  expect(await run('refresh', '--all'), 'nobody is there to move it').toEqual({
    exit: 1,
    current: second,
    moved: [],
    waiting: [{ name: 'left-behind', build: first }],
  });
  expect(await run('refresh', '--all', '--take-over')).toEqual({
    current: second,
    moved: ['left-behind'],
    waiting: [],
  });
  await expectRotates(site, 'left-behind');
  const { workflowExecutionInfo } = await described(site, 'left-behind');
  expect(workflowExecutionInfo?.versioningInfo).toMatchObject({ behavior: pinned, versioningOverride: null });
  await next.kill('SIGTERM');
  say('a policy of a build that nobody runs any more was taken over');
});

test('one build at a time: the worker that starts last has every policy', async () => {
  const site = await siteIn('single');
  const single = { ...site, env: { ...site.env, KEYTURN_VERSIONING: 'single' } };
  const before = startWorker(single);
  await before.ready;
  await issueFirstKey(site.keyturn, policyNamed('follower', { graceMs: 0, quarantineMs: 0 }));
  await before.kill('SIGTERM');
  const next = startHookedWorker({ ...single, env: { ...single.env, [otherBuildVariable]: '1' } }, async () => {});
  await next.ready;
  await expectRotates(site, 'follower');
  const [build] = await buildCommands(site).run('build', 'list');
  expect(build).toMatchObject({ state: 'current', policies: ['follower'] });
  await next.kill('SIGTERM');
  say('one build at a time: a policy followed it');
});

test('without versioning, runs go on and continue as new', async () => {
  const site = await siteIn('off');
  const worker = startWorker({ ...site, env: { ...site.env, KEYTURN_VERSIONING: 'off' } });
  await worker.ready;
  await issueFirstKey(site.keyturn, policyNamed('plain', { graceMs: 0, quarantineMs: 0 }));
  expect(await buildCommands(site).run('refresh', '--all')).toEqual({ current: null, moved: ['plain'], waiting: [] });
  await expectRotates(site, 'plain');
  await worker.kill('SIGTERM');
});

async function described(site: Site, policy: string) {
  const { connection, namespace } = await connectTemporal({ env: site.env, keyring: site.keyring });
  const execution = { workflowId: workflowId(policy) };
  const answer = await connection.workflowService.describeWorkflowExecution({ namespace, execution });
  await connection.close();
  return answer;
}
