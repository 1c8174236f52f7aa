import { setTimeout as sleep } from 'node:timers/promises';
import { simulatorSettings, type Tools } from '../activities/tools.ts';
import { openMachine } from '../machine/open-machine.ts';
import type { PolicyState } from '../policy/life/state.ts';
import { localDate, runOn } from '../policy/time/schedule.ts';
import { Secret } from '../secrets/secret.ts';
import { type Simulator, startSimulator } from '../simulator/index.ts';
import { openTools } from '../worker/open-tools.ts';
import { status, workflowId, workflowType } from '../workflows/messages.ts';
import { longLived } from './long-lived.ts';
import { benchPolicy, type History, handedOver, history, historyOf, startPolicy } from './policy-runs.ts';
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
      await startPolicy(client, taskQueue, policy);
      const state = dueSoon(longLived(await handedOver(client, name)));
      const { retiring } = state;
      const handle = client.workflow.getHandle(id);
      await handle.terminate();
      await client.workflow.start(workflowType, { workflowId: id, taskQueue, args: [state] });
      const isRevoked = async () => {
        const { keys, next } = await handle.query(status);
        return (
          next !== null && keys.length === retiring.length + 1 && keys[0]?.generation !== state.current?.generation
        );
      };
      while (!(await isRevoked())) await sleep(200);

      const { events } = await historyOf(client, id);
      const rotation = history(untilTaskAfter(events, 'renameKey'));
      const revoked = history(untilTaskAfter(events, 'deleteKey'));
      const expected = 'renameKey,planRun,disableKey,deleteKey';
      if (!revoked.steps.join().endsWith(expected)) throw new Error(`it did ${revoked.steps.join(', ')}`);
      const target = { policy: name, store: 'local', secret: secret.name };
      const bareOptions = { workflowId: 'bare', taskQueue, args: [target, rotation.steps.length] };
      await client.workflow.execute('bareWorkflow', bareOptions);
      return figuresOf(rotation, revoked, await historyOf(client, 'bare'));
    });
  } finally {
    await simulator.close();
  }
}

async function toolsFor({ url, managementKey }: Simulator, { paths }: Pick<Stack, 'paths'>): Promise<Tools> {
  const env = {};
  const cwd = paths.dataDir;
  const { connections } = await openMachine({ env, cwd, paths });
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

/** The events up to the workflow task that hears of the last end of such an activity. */
function untilTaskAfter(events: History['events'], activity: string): History['events'] {
  const scheduled = events.findLastIndex(
    ({ activityTaskScheduledEventAttributes: step }) => step?.activityType?.name === activity,
  );
  const isTaskDone = ({ workflowTaskCompletedEventAttributes: done }: History['events'][number]) => done != null;
  const end = events.findIndex((event, n) => n > scheduled && isTaskDone(event));
  return events.slice(0, end + 1);
}

function figuresOf(rotation: History, revoked: History, bare: History): Figure[] {
  return [
    events('history.rotationEvents', 'history of a rotation', rotation, { atMost: 54 }),
    kilobytes('history.rotationKilobytes', 'history of a rotation', rotation, { atMost: 35 }),
    events('history.revokedEvents', 'the same, and the old key revoked', revoked, { atMost: 93 }),
    kilobytes('history.revokedKilobytes', 'the same, and the old key revoked', revoked, null),
    events('history.bareEvents', 'bare workflow, as many activities', bare, null),
    kilobytes('history.bareKilobytes', 'bare workflow, as many activities', bare, null),
  ];
}

function events(id: string, name: string, { events }: History, budget: Figure['budget']): Figure {
  return { id, name, value: events.length, unit: 'events', budget };
}

function kilobytes(id: string, name: string, { bytes }: History, budget: Figure['budget']): Figure {
  return { id, name, value: bytes / 1024, unit: 'KB', budget };
}
