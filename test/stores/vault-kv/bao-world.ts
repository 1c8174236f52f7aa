import { resolve } from 'node:path';
import { Secret } from '../../../secrets/secret.ts';
import type { SecretReference } from '../../../secrets/secret-reference.ts';
import type { Store } from '../../../stores/store.ts';
import type { DeclaredVault } from '../../../stores/vault-kv/declaration.ts';
import { vaultKv } from '../../../stores/vault-kv/kind.ts';
import { type FaultProxy, startFaultProxy } from '../../engines/fault-proxy.ts';
import { type OpenBao, startOpenBao } from '../../engines/openbao.ts';

/** A real OpenBao, a proxy before it, and stores that go through the proxy. */
export type BaoWorld = {
  bao: OpenBao;
  proxy: FaultProxy;
  /** Asks OpenBao itself, as root, past the proxy. */
  api: (method: string, path: string, body?: object) => Promise<{ status: number; data: Record<string, unknown> }>;
  open: (changes?: Partial<DeclaredVault>, env?: Record<string, string>) => Promise<Store>;
  close: () => Promise<void>;
};

export async function startBaoWorld(): Promise<BaoWorld | { unavailable: string }> {
  const bao = await startOpenBao();
  if ('unavailable' in bao) return bao;
  const proxy = await startFaultProxy(bao.address, ({ method, path }) => method !== 'GET' && /\/v1\/kv/.test(path));
  const api: BaoWorld['api'] = async (method, path, body) => {
    const answer = await fetch(`${bao.address}/v1/${path}`, {
      method,
      headers: { 'x-vault-token': bao.rootToken, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    return { status: answer.status, data: text === '' ? {} : JSON.parse(text) };
  };
  await api('POST', 'sys/mounts/kv', { type: 'kv', options: { version: '2' } });
  return {
    bao,
    proxy,
    api,
    async open(changes = {}, env = { TOKEN: bao.rootToken }) {
      const declared = vaultKv.schema.parse({
        kind: 'vault',
        address: proxy.url,
        mount: 'kv',
        auth: { token: { env: 'TOKEN' } },
      });
      const wait = (ms: number) => new Promise<void>((done) => setTimeout(done, ms));
      return vaultKv.open(
        { ...(declared as DeclaredVault), ...changes },
        {
          name: 'bao',
          folder: resolve('.'),
          env,
          secret: async (reference: SecretReference) =>
            new Secret(reference.source === 'env' ? (env[reference.variable] ?? '') : ''),
          time: { now: Date.now, wait },
        },
      );
    },
    async close() {
      await proxy.close();
      await bao.close();
    },
  };
}

/** What stands in an entry; null: nothing. */
export async function entryAt({ api }: BaoWorld, path: string): Promise<Record<string, unknown> | null> {
  const { data } = await api('GET', `kv/data/${path}`);
  return (data.data as { data?: Record<string, unknown> | null } | undefined)?.data ?? null;
}
