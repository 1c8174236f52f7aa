import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Agent, request } from 'undici';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type KubeApiserver, startKubeApiserver } from '../engines/kube-apiserver.ts';
import { type KubernetesObject, objectsIn, type PodSpec, storesFolder } from './kubernetes-files.ts';
import { renderManifests, type Variant, variants } from './render-manifests.ts';

// The manifests as `kubectl apply -k` sends them, taken by a real API server: schemas, defaults, admission. It has no nodes
// and no controllers, so the pods that Deployments and Jobs would make are asked for here.

/** Where the API keeps each kind that is applied; a kind that is missing here fails the test. */
const collections: Record<string, string> = {
  Namespace: '/api/v1/namespaces',
  ServiceAccount: '/api/v1/namespaces/{namespace}/serviceaccounts',
  ConfigMap: '/api/v1/namespaces/{namespace}/configmaps',
  Service: '/api/v1/namespaces/{namespace}/services',
  PersistentVolumeClaim: '/api/v1/namespaces/{namespace}/persistentvolumeclaims',
  Deployment: '/apis/apps/v1/namespaces/{namespace}/deployments',
  Job: '/apis/batch/v1/namespaces/{namespace}/jobs',
  PodDisruptionBudget: '/apis/policy/v1/namespaces/{namespace}/poddisruptionbudgets',
  NetworkPolicy: '/apis/networking.k8s.io/v1/namespaces/{namespace}/networkpolicies',
  Role: '/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}/roles',
  RoleBinding: '/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}/rolebindings',
};

const engine = await prepared();
if ('unavailable' in engine) {
  console.warn(`Not tested: the manifests on a kube-apiserver. ${engine.unavailable}`);
  describe.skip('the manifests', () => test('on a kube-apiserver', () => {}));
} else describe('the manifests', () => onApiserver(engine));

function onApiserver({ url, ca, adminToken, rendered, close }: Ready): void {
  const agent = new Agent({ connect: { ca } });
  afterAll(async () => {
    await agent.close();
    await close();
  });

  async function ask(method: 'GET' | 'POST' | 'PATCH', path: string, body?: unknown, how: How = {}) {
    const { token = adminToken, type = 'application/json' } = how;
    const answer = await request(`${url}${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': type },
      body: body === undefined ? null : JSON.stringify(body),
      dispatcher: agent,
    });
    const json = (await answer.body.json()) as Answered;
    return { status: answer.statusCode, message: json.message, json };
  }

  /** As `kubectl apply --server-side` does it. */
  async function apply(object: KubernetesObject) {
    const { kind, metadata } = object;
    const collection = collections[kind]?.replace('{namespace}', String(metadata.namespace));
    const path = `${collection}/${metadata.name}?fieldManager=kubectl&force=true&fieldValidation=Strict`;
    return ask('PATCH', path, object, { type: 'application/apply-patch+yaml' });
  }

  /** What admission makes of a pod; nothing is kept. */
  async function pod(name: string, labels: Record<string, string>, spec: PodSpec) {
    const object = { apiVersion: 'v1', kind: 'Pod', metadata: { name, labels }, spec };
    return ask('POST', '/api/v1/namespaces/keyturn/pods?dryRun=All&fieldValidation=Strict', object);
  }

  describe.each(variants)('%s', (variant) => {
    const objects = objectsIn(rendered[variant]);
    const templates = objects.flatMap(({ metadata, spec }) =>
      spec?.template ? [{ name: metadata.name, ...spec.template }] : [],
    );
    const grantedTo = new Map<string, PodSpec>();

    beforeAll(async () => {
      for (const object of objects) {
        const { status, message } = await apply(object);
        expect([200, 201], `${object.kind} ${object.metadata.name}: ${message}`).toContain(status);
      }
    });

    test('the namespace lets no pod in that asks for more than "restricted"', async () => {
      const worker = templates.find(({ name }) => name === 'keyturn-worker') ?? expect.fail('no worker');
      const { runAsNonRoot: _, ...root } = worker.spec.securityContext ?? {};
      const wrong: PodSpec[] = [
        { ...worker.spec, securityContext: root },
        {
          ...worker.spec,
          volumes: [...(worker.spec.volumes ?? []), { name: 'host', hostPath: { path: '/' } } as never],
        },
      ];
      for (const spec of wrong) {
        const { status, message } = await pod('wrong', worker.metadata.labels, spec);
        expect([status, message]).toEqual([403, expect.stringContaining('violates PodSecurity "restricted:latest"')]);
      }
    });

    test('takes each pod', async () => {
      expect(templates.map(({ name }) => name).sort()).toEqual([
        'keyturn-codec-server',
        'keyturn-setup',
        'keyturn-worker',
      ]);
      for (const { name, metadata, spec } of templates) {
        const { status, message, json } = await pod(name, metadata.labels, spec);
        expect([name, status, message]).toEqual([name, 201, undefined]);
        if (json.spec) grantedTo.set(name, json.spec);
      }
    });

    test('gives a token of the cluster to the pod that needs one, and to no other', () => {
      const tokens = [...grantedTo].flatMap(([name, { volumes = [] }]) => {
        const audiences = JSON.stringify(volumes).match(/"serviceAccountToken":\{[^}]*\}/g) ?? [];
        return audiences.map((token) => `${name} ${/"audience":"(\w+)"/.exec(token)?.[1] ?? 'cluster'}`);
      });
      const expected = variant === 'every store' ? ['keyturn-worker cluster', 'keyturn-worker vault'] : [];
      expect(tokens.sort()).toEqual(expected);
    });

    test('has a volume that outlives pods only where that was asked for', () => {
      const claims = [...grantedTo].filter(([, { volumes = [] }]) => volumes.some((one) => one.persistentVolumeClaim));
      const expected = variant === 'one host' ? ['keyturn-codec-server', 'keyturn-worker'] : [];
      expect(claims.map(([name]) => name).sort()).toEqual(expected);
    });
  });

  test('who may write in the namespace of an application: the worker, the Secret that is named, and no other', async () => {
    await apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'checkout' } } as KubernetesObject);
    for (const object of objectsIn(readFileSync(join(storesFolder, 'kubernetes', 'access.yaml'), 'utf8'))) {
      const { status, message } = await apply(object);
      expect([201, undefined]).toEqual([status, message]);
    }
    const secrets = '/api/v1/namespaces/checkout/secrets';
    for (const name of ['checkout', 'other']) {
      await ask('POST', secrets, { apiVersion: 'v1', kind: 'Secret', metadata: { name } });
    }
    const tokenOf = async (account: string) => {
      const request = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: {} };
      const path = `/api/v1/namespaces/keyturn/serviceaccounts/${account}/token`;
      return String((await ask('POST', path, request)).json.status?.token);
    };
    const may = async (account: string) => {
      const token = await tokenOf(account);
      const patched = { data: { KEY: Buffer.from('value').toString('base64') } };
      const merge = { token, type: 'application/merge-patch+json' };
      return [
        await ask('GET', `${secrets}/checkout`, undefined, { token }),
        await ask('PATCH', `${secrets}/checkout`, patched, merge),
        await ask('GET', `${secrets}/other`, undefined, { token }),
        await ask('GET', secrets, undefined, { token }),
        await ask('POST', secrets, { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'new' } }, { token }),
      ].map(({ status }) => status);
    };
    expect(await may('keyturn-worker')).toEqual([200, 200, 403, 403, 403]);
    expect(await may('keyturn-codec-server')).toEqual([403, 403, 403, 403, 403]);
  });
}

type How = { token?: string; type?: string };
type Answered = { message?: string; spec?: PodSpec; status?: { token?: string } };
type Ready = KubeApiserver & { rendered: Record<Variant, string> };

async function prepared(): Promise<Ready | { unavailable: string }> {
  const cluster = await startKubeApiserver();
  if ('unavailable' in cluster) return cluster;
  try {
    const texts: [Variant, string][] = [];
    for (const variant of variants) texts.push([variant, await renderManifests(variant)]);
    return { ...cluster, rendered: Object.fromEntries(texts) as Record<Variant, string> };
  } catch (error) {
    await cluster.close();
    return { unavailable: (error as Error).message };
  }
}
