import type { Payload } from '@temporalio/common';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { connectTemporal, type Temporal } from '../../client/temporal.ts';
import { openKeyring } from '../../keyring/keyring-source.ts';
import type { LogLine } from '../../simulator/index.ts';
import type { CommandRun } from '../run-keyturn.ts';
import type { Machine } from './machine.ts';
import { filesBelow, findLeaks, jsonPlaces, type Place, payloadsIn } from './secret-scan.ts';

/** A file that a test writes for a person who keeps a management key in one: it holds a secret by right. */
export const ownersFile = 'management-key';

/** A machine, the Temporal that it works with, and what its simulator has logged. */
export type Searched = Pick<Machine, 'folder' | 'paths' | 'runs' | 'secrets'> & {
  requests: LogLine[];
  /** Where Temporal is, and which task queue's workflows are this machine's; all where there is none. */
  at: { address: string; taskQueue?: string };
};

/**
 * Fails when a secret that was made on the machine, or anything that begins like one, is anywhere in `everywhere`. What
 * stops a machine of a test calls it, so it looks over every path that any test has taken.
 */
export async function expectNoLeak(machine: Searched): Promise<void> {
  const { paths, at, secrets } = machine;
  const keyring = await openKeyring(paths.keyringFile);
  const temporal = await connectTemporal({ env: {}, ...at, keyring });
  try {
    requireNone(findLeaks(await everywhere(machine, temporal), secrets));
  } finally {
    await temporal.connection.close();
  }
}

export function requireNone(leaks: ReturnType<typeof findLeaks>): void {
  if (leaks.length > 0) throw new Error(`Secrets stand where none may be: ${JSON.stringify(leaks, null, 1)}`);
}

/** Histories and descriptions of the workflows, every file, all that commands have printed, the simulator's log. */
export async function everywhere(machine: Searched, temporal: Temporal): Promise<Place[]> {
  return [
    ...(await workflowPlaces(temporal, machine.at.taskQueue)),
    ...(await machineFiles(machine)),
    ...machine.runs.flatMap(outputOf),
    { name: 'simulator log', bytes: Buffer.from(machine.requests.map((line) => JSON.stringify(line)).join('\n')) },
  ];
}

/** But compiled code, which knows what a key looks like. */
export async function machineFiles({ folder }: Pick<Machine, 'folder'>): Promise<Place[]> {
  return (await filesBelow(folder)).filter(({ name }) => !name.startsWith('cache/') && name !== ownersFile);
}

/** `secret get` prints one by right. */
export function outputOf({ args, stdout, stderr }: CommandRun): Place[] {
  const name = `keyturn ${args.join(' ')}`;
  const printed = { name: `${name}, stdout`, bytes: Buffer.from(stdout) };
  const said = { name: `${name}, stderr`, bytes: Buffer.from(stderr) };
  return args[0] === 'secret' && args[1] === 'get' ? [said] : [printed, said];
}

async function workflowPlaces({ client }: Temporal, taskQueue: string | undefined): Promise<Place[]> {
  const { workflow, options } = client;
  const decode = async (payload: Payload) => {
    const { payloadCodecs } = options.loadedDataConverter;
    for (const codec of payloadCodecs) {
      // Of a key that the machine has lost, nobody can say more than what is stored.
      [payload] = (await codec.decode([payload]).catch(() => [payload])) as [Payload];
    }
    return payload;
  };
  const found: Place[] = [];
  for await (const { workflowId, runId } of workflow.list(taskQueue ? { query: `TaskQueue = "${taskQueue}"` } : {})) {
    const handle = workflow.getHandle(workflowId, runId);
    const history = await handle.fetchHistory();
    const { raw } = await handle.describe();
    found.push(
      ...jsonPlaces(`${workflowId} (${runId}) history`, JSON.parse(historyToJSON(history))),
      { name: `${workflowId} (${runId}) history, decrypted`, bytes: await payloadsIn(history, decode) },
      ...jsonPlaces(`${workflowId} (${runId}) description`, raw),
    );
  }
  return found;
}
