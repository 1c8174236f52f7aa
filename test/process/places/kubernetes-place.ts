import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { openCluster } from '../../stores/kubernetes/cluster-under-test.ts';
import { newHold, type PlaceUnderTest } from './place-under-test.ts';

const key = 'OPENROUTER_API_KEY';
const namespace = 'shop';

/** A key beside others in a Secret of a real apiserver. */
export async function kubernetesPlace(): Promise<PlaceUnderTest | { unavailable: string }> {
  const cluster = await openCluster();
  if ('unavailable' in cluster) return cluster;
  const { way, must, adminToken } = cluster;
  const folder = await mkdtemp(join(tmpdir(), 'keyturn-kubeconfig-'));
  const kubeconfig = join(folder, 'config');
  const config = {
    'current-context': 'a',
    contexts: [{ name: 'a', context: { cluster: 'a', user: 'a' } }],
    clusters: [{ name: 'a', cluster: { server: way.url } }],
    users: [{ name: 'a', user: { token: adminToken } }],
  };
  await writeFile(kubeconfig, stringify(config), { mode: 0o600 });
  await must('POST', '/api/v1/namespaces', { metadata: { name: namespace } });
  const secret = async (policy: string) => {
    const { data = {}, metadata, type } = (await cluster.get(namespace, policy)) ?? {};
    const { labels, annotations } = metadata ?? {};
    return { data, labels, annotations, type };
  };
  return {
    store: 'k8s',
    declared: { kind: 'kubernetes', kubeconfig: { file: kubeconfig }, namespace },
    env: {},
    spotOf: (policy) => ({ name: policy, field: key }),
    async make(policy) {
      await must('POST', `/api/v1/namespaces/${namespace}/secrets`, {
        metadata: { name: policy, labels: { team: 'shop' }, annotations: { note: 'by hand' } },
        data: { DATABASE: Buffer.from('postgres://shop').toString('base64') },
      });
    },
    fields: async (policy) => (await secret(policy)).data,
    keyIn: async (policy) => (await secret(policy)).data[key] ?? null,
    all: secret,
    async others(policy) {
      const { data, ...rest } = await secret(policy);
      const { [key]: _, ...others } = data;
      return { ...rest, data: others };
    },
    holdNextLook(policy) {
      const hold = newHold();
      way.fate = async ({ method, url }) => {
        if (method !== 'GET' || !url.endsWith(`/secrets/${policy}`)) return undefined;
        way.fate = () => undefined;
        hold.arrived();
        await hold.released;
        return undefined;
      };
      return hold;
    },
    async close() {
      await cluster.close();
      await rm(folder, { recursive: true });
    },
  };
}
