import type { Payload } from '@temporalio/common';
import { encryptionKeyOf, payloadCodec } from '../codec/payload-codec.ts';
import type { Keyring } from '../keyring/keyring.ts';
import { workflowId } from '../workflows/messages.ts';
import { fewAtOnce } from './few-at-once.ts';
import { listPolicies } from './list-policies.ts';
import type { refreshPolicies } from './refresh-policies.ts';
import { request } from './request.ts';
import type { Temporal } from './temporal.ts';
import { grpc, grpcStatusOf } from './temporal-error.ts';

/** A sealed value within a payload (secrets/seal.ts). */
const sealedForm = /\bkt1\.([A-Za-z0-9_-]{1,64})\.[A-Za-z0-9_-]{38,}/g;

/**
 * Which policies need which key: what Temporal keeps of their current runs is encrypted with it, or holds a secret that
 * is sealed with it. A worker reads the current run only; that of a policy ends with its cycle, or when it is refreshed.
 */
export async function policiesByKey(temporal: Temporal, keyring: Keyring): Promise<Map<string, string[]>> {
  const policies = (await listPolicies(temporal)).map(({ name }) => name);
  return whichNeed(temporal, keyring, policies);
}

/** The same, of these policies alone. */
async function whichNeed(
  temporal: Temporal,
  keyring: Keyring,
  policies: readonly string[],
): Promise<Map<string, string[]>> {
  const needed = new Map<string, string[]>();
  // Temporal's list runs behind: a policy that has just begun a new run may stand there with both.
  await fewAtOnce(new Set(policies), async (policy) => {
    for (const id of await keysOf(temporal, keyring, policy)) {
      needed.set(id, [...(needed.get(id) ?? []), policy]);
    }
  });
  for (const names of needed.values()) names.sort();
  return needed;
}

async function keysOf(temporal: Temporal, keyring: Keyring, policy: string): Promise<Set<string>> {
  const found = new Set<string>();
  const codec = payloadCodec(keyring, temporal.namespace);
  for (const payload of payloadsIn(await keptOf(temporal, workflowId(policy)))) {
    const id = encryptionKeyOf(payload);
    if (id !== null) found.add(id);
    // Of a key that this keyring does not have, nothing more can be said.
    const [plain] = await codec.decode([payload]).catch(() => []);
    const text = Buffer.from(plain?.data ?? []).toString('latin1');
    for (const [, inner = ''] of text.matchAll(sealedForm)) found.add(inner);
  }
  return found;
}

/** All that Temporal keeps of the current run; nothing where the policy ended since it was listed. */
function keptOf(temporal: Temporal, id: string): Promise<unknown> {
  const { client, connection, namespace } = temporal;
  return request(temporal, async () => {
    try {
      const execution = { workflowId: id };
      // What a step reported that is being tried again is not in the history yet.
      const described = await connection.workflowService.describeWorkflowExecution({ namespace, execution });
      return [described, await client.workflow.getHandle(id).fetchHistory()];
    } catch (error) {
      if (grpcStatusOf(error).code === grpc.notFound) return [];
      throw error;
    }
  });
}

/** Every payload in an answer of Temporal, however deep. */
function* payloadsIn(value: unknown): Generator<Payload> {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return;
  const { encoding } = (value as Payload).metadata ?? {};
  if (encoding instanceof Uint8Array) yield value as Payload;
  else for (const inner of Object.values(value)) yield* payloadsIn(inner);
}

/**
 * The policies that still need the key. `refresh`: they are first told to move on to the active one; `refresh` answers
 * which have not by the time that it gives up.
 */
export async function policiesThatNeed(
  temporal: Temporal,
  keyring: Keyring,
  id: string,
  refresh: ((watched: Watched) => Promise<string[]>) | null,
): Promise<{ policies: string[]; refreshed: string[] }> {
  const search = async () => (await policiesByKey(temporal, keyring)).get(id) ?? [];
  const found = await search();
  if (refresh === null || found.length === 0) return { policies: found, refreshed: [] };
  const stillOf = async (some: readonly string[]) => (await whichNeed(temporal, keyring, some)).get(id) ?? [];
  const left = await refresh({ policies: found, stillOf });
  return { policies: left.length > 0 ? left : await search(), refreshed: found };
}

type Watched = Pick<Parameters<typeof refreshPolicies>[1], 'policies' | 'stillOf'>;
