import type { Tools } from '../activities/tools.ts';
import type { Keyring } from '../keyring/keyring.ts';
import type { ApiKey, CreateKeyRequest, ManagementApi } from '../openrouter/management-api.ts';
import { Secret } from '../secrets/secret.ts';
import { localPromises } from '../stores/local/local-vault.ts';
import type { Held, Store } from '../stores/store.ts';

/**
 * The real steps over an OpenRouter and a store that are a few fields in memory and answer at once: what is left of a
 * rotation is Temporal's part and ours. `onRenamed`: told when the last step of a rotation runs.
 */
export function noOpTools(keyring: Keyring, onRenamed: (policy: string) => void = () => {}): Tools {
  const openrouter = memoryOpenRouter(onRenamed);
  const store = memoryStore();
  return {
    openrouter: async () => openrouter,
    store: async () => store,
    leases: { claim: async () => null, release: async () => {} },
    stillOurs: async () => {},
    keyring,
    settings: { verify: { consecutive: 1, intervalMs: 0, deadlineMs: 1_000 }, reapLooksMs: [0] },
    now: Date.now,
    wait: async () => {},
    giveWay: async () => {},
    once: (_, work) => work(),
  };
}

function memoryOpenRouter(onRenamed: (policy: string) => void): ManagementApi {
  const keys = new Map<string, ApiKey>();
  let made = 0;
  return {
    async createKey(request) {
      made += 1;
      const hash = made.toString(16).padStart(64, '0');
      keys.set(hash, keyFrom(hash, request));
      return { hash, secret: new Secret(`sk-or-v1-${hash}`) };
    },
    listKeys: async () => [...keys.values()],
    getKey: async (hash) => keys.get(hash) ?? null,
    async patchKey(hash, changes) {
      const key = { ...(keys.get(hash) as ApiKey), ...changes };
      // The last step of a rotation takes the marker away, which holds the policy's name.
      const [, policy] = keys.get(hash)?.name.split(':') ?? [];
      if (policy !== undefined && changes.name !== undefined) onRenamed(policy);
      keys.set(hash, key);
      return key;
    },
    deleteKey: async (hash) => (keys.delete(hash) ? 'deleted' : 'absent'),
    async currentKey(secret) {
      const key = keys.get(secret.reveal().slice('sk-or-v1-'.length)) as ApiKey;
      return { ...key, isManagementKey: false };
    },
    credits: async () => ({ totalCredits: 0, totalUsage: 0 }),
    workspaces: async () => [],
  };
}

function keyFrom(hash: string, { name, workspace, ...settings }: CreateKeyRequest): ApiKey {
  const createdAt = new Date().toISOString();
  const unused = { disabled: false, limitRemaining: settings.limit, usage: 0 };
  return { hash, name, label: 'sk-or-v1-0…0', createdAt, workspaceId: workspace, ...unused, ...settings };
}

function memoryStore(): Store {
  const values = new Map<string, Secret>();
  return {
    name: 'local',
    kind: 'local',
    promises: localPromises,
    addressOf: async () => null,
    check: async () => ({ rights: [], refusal: null, warnings: [] }),
    capture: async () => ({ memento: null, note: 'nothing yet' }),
    async write({ name }, value) {
      values.set(name, value);
      return { version: '1', approval: null };
    },
    async read({ name }): Promise<Held> {
      const value = values.get(name);
      return value === undefined ? { kind: 'absent' } : { kind: 'held', value, version: '1' };
    },
    restore: async () => ({ end: 'restored', shown: false, approval: null }),
    async remove({ name }) {
      values.delete(name);
      return 'removed';
    },
  };
}
