import type { ManagementApi } from '../openrouter/management-api.ts';
import type { Tools } from './tools.ts';

export type ReapKeyInput = {
  connection: string;
  workspace: string | null;
  marker: string;
  /** The key's hash where the answer to create arrived. Where it is null the key is looked for by its marker. */
  hash: string | null;
  /** Look again over the following minutes until it is found: the request may still arrive (facts §10). */
  patient: boolean;
};

/**
 * Removes a key that must not be used: one whose creation was undone, or whose answer, and with it the secret, was lost.
 * Idempotent. `found: false` is no proof of absence; the caller keeps the marker on its watch list.
 */
export function reapKey({ openrouter, settings, giveWay, once }: Tools) {
  return async (input: ReapKeyInput): Promise<{ found: boolean }> => {
    const api = await openrouter(input.connection);
    if (input.hash !== null) {
      await remove(api, input.hash);
      return { found: true };
    }
    const looks = input.patient ? settings.reapLooksMs : [0];
    let looked = 0;
    for (const at of looks) {
      await giveWay(at - looked);
      looked = at;
      if (await once(`look after ${at} ms`, () => reapMarked(api, input))) return { found: true };
    }
    return { found: false };
  };
}

async function reapMarked(api: ManagementApi, { workspace, marker }: ReapKeyInput): Promise<boolean> {
  const keys = await api.listKeys(workspace);
  const marked = keys.filter((key) => key.name === marker);
  for (const { hash } of marked) await remove(api, hash);
  return marked.length > 0;
}

/** Nobody ever held this secret, so it needs no quarantine. A 404 after it was seen means it is gone (facts §3.5). */
async function remove(api: ManagementApi, hash: string): Promise<void> {
  await api.deleteKey(hash);
}
