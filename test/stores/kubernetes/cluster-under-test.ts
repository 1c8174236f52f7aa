import { Agent, request } from 'undici';
import { afterAll, describe, test } from 'vitest';
import { stringify } from 'yaml';
import { openKubernetes } from '../../../stores/kubernetes/open.ts';
import type { Store } from '../../../stores/store.ts';
import { type KubeApiserver, startKubeApiserver } from '../../engines/kube-apiserver.ts';
import { type LossyWay, startLossyWay } from './lossy-way.ts';
import { contextFor } from './pretended-cluster.ts';

type Answer = { status: number; json: Record<string, unknown> };
export type Rule = { apiGroups: string[]; resources: string[]; resourceNames?: string[]; verbs: string[] };
/** `becomes`: its kubeconfig has another token from now on. */
export type StoreOfAccount = Store & { becomes: (token: string) => void };
export type Labelled = { labels?: Record<string, string>; annotations?: Record<string, string> };

/** What administrators and applications do in a cluster, by other means than the store's. */
export type ClusterUnderTest = ReturnType<typeof clusterUnderTest>;

/** Tests on a real cluster of their own; where none can be had, one line says so. */
export async function describeOnCluster(what: string, tests: (cluster: ClusterUnderTest) => void): Promise<void> {
  const cluster = await openCluster();
  if ('unavailable' in cluster) {
    console.warn(`Not tested: Kubernetes Secrets, ${what}. ${cluster.unavailable}`);
    describe.skip(what, () => test('on a real cluster', () => {}));
    return;
  }
  describe(what, () => {
    afterAll(() => cluster.close());
    tests(cluster);
  });
}

/** A cluster to be closed, or why none can be had. */
export async function openCluster(): Promise<ClusterUnderTest | { unavailable: string }> {
  const engine = await startKubeApiserver();
  return 'unavailable' in engine ? engine : clusterUnderTest(engine, await startLossyWay(engine));
}

function clusterUnderTest({ url, ca, adminToken, close }: KubeApiserver, way: LossyWay) {
  const agent = new Agent({ connect: { ca } });
  let names = 0;

  async function ask(method: string, path: string, body?: unknown, type = 'application/json'): Promise<Answer> {
    const answer = await request(`${url}${path}`, {
      method: method as 'GET',
      headers: { authorization: `Bearer ${adminToken}`, 'content-type': type },
      body: body === undefined ? null : JSON.stringify(body),
      dispatcher: agent,
    });
    return { status: answer.statusCode, json: (await answer.body.json()) as Record<string, unknown> };
  }

  async function must(...args: Parameters<typeof ask>): Promise<Answer['json']> {
    const { status, json } = await ask(...args);
    if (status >= 300) throw new Error(`${args[0]} ${args[1]}: ${status} ${JSON.stringify(json)}`);
    return json;
  }

  const secrets = (namespace: string) => `/api/v1/namespaces/${namespace}/secrets`;
  const fresh = (what: string) => `${what}-${++names}`;

  return {
    adminToken,
    /** On which things get lost. */
    way,
    ask,
    must,
    fresh,

    async namespace(): Promise<string> {
      const name = fresh('shop');
      await must('POST', '/api/v1/namespaces', { metadata: { name } });
      return name;
    },

    /** The token of an account that may do what `rules` say, and nothing else. */
    async account(namespace: string, rules: readonly Rule[]): Promise<string> {
      const name = fresh('keyturn');
      const rbac = `/apis/rbac.authorization.k8s.io/v1/namespaces/${namespace}`;
      const accounts = `/api/v1/namespaces/${namespace}/serviceaccounts`;
      await must('POST', accounts, { metadata: { name } });
      await must('POST', `${rbac}/roles`, { metadata: { name }, rules });
      await must('POST', `${rbac}/rolebindings`, {
        metadata: { name },
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name },
        subjects: [{ kind: 'ServiceAccount', name, namespace }],
      });
      const made = await must('POST', `${accounts}/${name}/token`, {});
      return (made.status as { token: string }).token;
    },

    async make(namespace: string, data: Record<string, string>, metadata: object = {}, more: object = {}) {
      const name = fresh('checkout');
      const base64 = Object.entries(data).map(([key, text]) => [key, Buffer.from(text).toString('base64')]);
      await must('POST', secrets(namespace), {
        metadata: { name, ...metadata },
        data: Object.fromEntries(base64),
        ...more,
      });
      return name;
    },

    patch: (namespace: string, name: string, patch: object) =>
      must('PATCH', `${secrets(namespace)}/${name}`, patch, 'application/merge-patch+json'),

    remove: (namespace: string, name: string) => must('DELETE', `${secrets(namespace)}/${name}`),

    async get(namespace: string, name: string) {
      const { status, json } = await ask('GET', `${secrets(namespace)}/${name}`);
      if (status === 404) return null;
      const { data = {}, metadata, type } = json as { data?: Record<string, string>; metadata: Labelled; type: string };
      const texts = Object.entries(data).map(([key, text]) => [key, Buffer.from(text, 'base64').toString('utf8')]);
      return { data: Object.fromEntries(texts) as Record<string, string>, metadata, type };
    },

    /** The store as somebody declares it, who has a kubeconfig of `token`. `at`: another way to the cluster. */
    store(token: string, namespace: string, at: string = url, now?: () => number): StoreOfAccount {
      const cluster = { server: at, 'certificate-authority-data': Buffer.from(ca).toString('base64') };
      const config = (token: string) =>
        stringify({
          'current-context': 'a',
          contexts: [{ name: 'a', context: { cluster: 'a', user: 'a' } }],
          clusters: [{ name: 'a', cluster }],
          users: [{ name: 'a', user: { token } }],
        });
      const env = { KUBECONFIG_TEXT: config(token) };
      const kubeconfig = { source: 'env', variable: 'KUBECONFIG_TEXT' } as const;
      const store = openKubernetes({ kind: 'kubernetes', kubeconfig, namespace }, contextFor('/', env, now));
      return Object.assign(store, {
        becomes(token: string) {
          env.KUBECONFIG_TEXT = config(token);
        },
      });
    },

    async close() {
      await Promise.all([way.close(), agent.close()]);
      await close();
    },
  };
}
