import { simulatorSettings, type Tools } from '../activities/tools.ts';
import { readKeyturnYaml } from '../config/keyturn-yaml.ts';
import { openConnections } from '../connections/registry.ts';
import type { PolicyState } from '../policy/life/state.ts';
import { localDate, runOn } from '../policy/time/schedule.ts';
import { Secret } from '../secrets/secret.ts';
import { type Simulator, startSimulator } from '../simulator/index.ts';
import { openTools } from '../worker/open-tools.ts';
import { workflowId, workflowType } from '../workflows/messages.ts';
import { longLived } from './long-lived.ts';
import { benchPolicy, finishedRun, handedOver, historyOf, startPolicy } from './policy-runs.ts';
import type { Stack } from './stack.ts';
import type { Figure } from './table.ts';

const taskQueue = 'bench-history';
const second = 1_000;

/**
 * Events and bytes of a scheduled rotation and of the revocation of the key it replaces, over a simulator and a vault
 * that are real programs and files, so that what stands in history is as long as it is in life. The policy is one that
 * has lived for long: what it remembers is in every run's first and last event.
 */
export async function historyCost(stack: Stack): Promise<Figure[]> {
  const simulator = await startSimulator();
  try {
    const tools = await toolsFor(simulator, stack);
    return await stack.withWorker(taskQueue, tools, async ({ client }) => {
      const policy = benchPolicy('checkout', { graceMs: 2 * second, quarantineMs: 2 * second });
      const { name, secret } = policy;
      const id = workflowId(name);
      const firstRun = await startPolicy(client, taskQueue, policy);
      await finishedRun(client, name, firstRun);
      const state = dueSoon(longLived(await handedOver(client, name, firstRun)));
      await client.workflow.getHandle(id).terminate();
      const started = await client.workflow.start(workflowType, { workflowId: id, taskQueue, args: [state] });
      const rotated = started.firstExecutionRunId;
      const disabled = await finishedRun(client, name, rotated);
      const deleted = await finishedRun(client, name, disabled);
      await finishedRun(client, name, deleted);

      const rotation = await historyOf(client, id, rotated);
      const revocation = [await historyOf(client, id, disabled), await historyOf(client, id, deleted)];
      const steps = [rotation, ...revocation].flatMap((run) => run.steps);
      const expected = 'renameKey,planRun,disableKey,deleteKey';
      if (!steps.join().endsWith(expected)) throw new Error(`it did ${steps.join(', ')}`);
      const target = { policy: name, store: 'local', secret: secret.name };
      const bareOptions = { workflowId: 'bare', taskQueue, args: [target, rotation.steps.length] };
      await client.workflow.execute('bareWorkflow', bareOptions);
      return figuresOf(rotation, revocation, await historyOf(client, 'bare'));
    });
  } finally {
    await simulator.close();
  }
}

async function toolsFor(
  { url, managementKey }: Simulator,
  { paths, keyring }: Pick<Stack, 'paths' | 'keyring'>,
): Promise<Tools> {
  const env = {};
  const cwd = paths.dataDir;
  const declared = await readKeyturnYaml({ env, cwd, configDir: paths.configDir });
  const connections = openConnections({ vaultFile: paths.vaultFile, keyring, declared, env });
  await connections.add('main', { managementKey: new Secret(managementKey), baseUrl: url });
  return openTools({ paths, env, cwd, settings: simulatorSettings, perSecond: Number.POSITIVE_INFINITY });
}

/** The same policy, about to wake by its schedule: runs are for whole minutes, so within one and a bit. */
function dueSoon(state: PolicyState): PolicyState {
  if (state.policy === null) throw new Error('the state has no policy');
  const due = new Date(Math.ceil((Date.now() + 5 * second) / (60 * second)) * 60 * second).toISOString();
  const timeZone = 'UTC';
  const schedule = { every: 1, at: due.slice(11, 16), timeZone };
  const date = localDate(timeZone, due);
  return { ...state, policy: { ...state.policy, schedule }, next: runOn(schedule, date) };
}

type Run = Awaited<ReturnType<typeof historyOf>>;

function figuresOf(rotation: Run, revocation: Run[], bare: Run): Figure[] {
  return [
    events('history.rotationEvents', 'history of a rotation', [rotation], { atMost: 60 }),
    kilobytes('history.rotationKilobytes', 'history of a rotation', [rotation], { atMost: 40 }),
    events('history.revokedEvents', 'the same, and the old key revoked', [rotation, ...revocation], { atMost: 95 }),
    kilobytes('history.revokedKilobytes', 'the same, and the old key revoked', [rotation, ...revocation], null),
    events('history.bareEvents', 'bare workflow, as many activities', [bare], null),
    kilobytes('history.bareKilobytes', 'bare workflow, as many activities', [bare], null),
  ];
}

function events(id: string, name: string, runs: Run[], budget: Figure['budget']): Figure {
  return { id, name, value: runs.reduce((total, run) => total + run.events.length, 0), unit: 'events', budget };
}

function kilobytes(id: string, name: string, runs: Run[], budget: Figure['budget']): Figure {
  return { id, name, value: runs.reduce((total, run) => total + run.bytes, 0) / 1024, unit: 'KB', budget };
}
