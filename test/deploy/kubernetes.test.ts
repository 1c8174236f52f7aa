import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { type KeyturnYaml, readKeyturnYaml } from '../../config/keyturn-yaml.ts';
import type { SecretReference } from '../../secrets/secret-reference.ts';
import { readComposeFile } from './compose-file.ts';
import {
  kubernetesFolder,
  kustomizationOf,
  manifestsIn,
  objectsIn,
  oneHostFolder,
  readKubernetesObjects,
  storeComponents,
  storesFolder,
} from './kubernetes-files.ts';

// Whether the manifests are what Kubernetes' schemas ask is checked in test/production.

const objects = readKubernetesObjects();
const names = (kind: string) => objects.filter((object) => object.kind === kind).map(({ metadata }) => metadata.name);
const pods = objects.flatMap(({ metadata, spec }) =>
  spec?.template ? [{ name: metadata.name, pod: spec.template.spec, labels: spec.template.metadata.labels }] : [],
);

test('every manifest is applied, and everything is in one namespace', () => {
  const { resources, text } = kustomizationOf(kubernetesFolder);
  expect(resources.sort()).toEqual(
    manifestsIn(kubernetesFolder)
      .map((file) => basename(file))
      .sort(),
  );
  for (const name of storeComponents) expect(text).toContain(`#   - stores/${name}\n`);
  const elsewhere = objects.filter(({ kind, metadata }) => kind !== 'Namespace' && metadata.namespace !== 'keyturn');
  expect(elsewhere).toEqual([]);
});

describe.each(pods)('$name', ({ pod, labels }) => {
  test('is what the pod security standard "restricted" asks, on a read-only root', () => {
    expect(pod.securityContext).toMatchObject({ runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } });
    expect(pod.automountServiceAccountToken).toBe(false);
    expect(names('ServiceAccount')).toContain(pod.serviceAccountName);
    for (const { securityContext } of pod.containers) {
      expect(securityContext).toEqual({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      });
    }
  });

  test('names only volumes and configuration that are there', () => {
    const { volumes = [], containers } = pod;
    for (const { volumeMounts = [], envFrom = [] } of containers) {
      for (const { name } of volumeMounts) expect(volumes.map((volume) => volume.name)).toContain(name);
      for (const { configMapRef } of envFrom) expect(names('ConfigMap')).toContain(configMapRef.name);
    }
    for (const { configMap } of volumes) {
      if (configMap) expect(names('ConfigMap')).toContain(configMap.name);
    }
  });

  test('has its secrets from secrets that docs/deploy.md tells how to make', () => {
    const page = readFileSync(new URL('../../docs/deploy.md', import.meta.url), 'utf8');
    for (const { secret } of pod.volumes ?? []) {
      if (secret) expect(page).toContain(`secret generic ${secret.secretName}`);
    }
    const values = pod.containers.flatMap(({ env = [] }) => env.map(({ name }) => name));
    expect(values.filter((name) => /(API_KEY|_DATA|KEYRING|CODEC_TOKENS)$/.test(name))).toEqual([]);
  });

  test('says how much it needs, and is found by the network policies', () => {
    for (const { resources } of pod.containers) {
      expect(resources?.requests).toHaveProperty('memory');
      expect(resources?.limits).toHaveProperty('memory');
    }
    expect(labels).toHaveProperty(['app.kubernetes.io/component']);
  });

  test('starts a command that the compose file starts too', () => {
    const composed = Object.values(readComposeFile().services).map(({ command }) => command);
    for (const { args, image } of pod.containers) {
      expect(image).toBe('keyturn');
      expect(composed).toContainEqual(args);
    }
  });
});

test('pods keep nothing: what they may write is gone with them', () => {
  expect(names('PersistentVolumeClaim')).toEqual([]);
  for (const { name, pod } of pods) {
    const kept = (pod.volumes ?? []).filter(({ emptyDir, secret, configMap }) => !(emptyDir ?? secret ?? configMap));
    expect(kept, name).toEqual([]);
    const folders = pod.containers.flatMap(({ volumeMounts = [] }) => volumeMounts);
    expect(
      folders.filter(({ readOnly, mountPath }) => !readOnly && mountPath !== '/tmp'),
      name,
    ).toEqual([]);
  }
});

test('the keyturn.yaml of the pods is right, and leads to what is mounted', async () => {
  const text = String(
    objects.find(({ kind, metadata }) => kind === 'ConfigMap' && metadata.name === 'keyturn')?.data?.['keyturn.yaml'],
  );
  const { keyring, connections } = await declaredBy(text);
  const mounts = (name: string) => {
    const { pod } = pods.find((one) => one.name === name) ?? expect.fail(name);
    return pod.containers.flatMap(({ volumeMounts = [] }) => volumeMounts.map(({ mountPath }) => mountPath));
  };
  const folderOf = (reference?: SecretReference) => (reference?.source === 'file' ? dirname(reference.path) : '');
  expect(mounts('keyturn-worker')).toContain(folderOf(connections.get('main')));
  for (const name of ['keyturn-worker', 'keyturn-codec-server']) expect(mounts(name)).toContain(folderOf(keyring));
  // What stands there as a comment is right too, with a store for what it names.
  const stores = text.slice(text.indexOf('stores:')).replaceAll(/# (?=\w+: \{)/g, '');
  const other = text
    .slice(0, text.indexOf('stores:'))
    .replaceAll(/^( *)(?:keyring|main): .*$/gm, '')
    .replaceAll('# ', '');
  const inStores = await declaredBy(`${other}${stores.replaceAll(/^ *# Each .*$/gm, '')}`);
  expect(inStores.keyring).toMatchObject({ source: 'store', store: 'aws' });
  expect(inStores.connections.get('main')).toMatchObject({ source: 'store', field: 'key' });
});

test('two workers are spread over nodes and zones, are probed, and have time to end their steps', () => {
  const worker = objects.find(({ kind, metadata }) => kind === 'Deployment' && metadata.name === 'keyturn-worker');
  expect(worker?.spec.template?.spec.topologySpreadConstraints).toMatchObject([
    { topologyKey: 'kubernetes.io/hostname', whenUnsatisfiable: 'DoNotSchedule' },
    { topologyKey: 'topology.kubernetes.io/zone', whenUnsatisfiable: 'ScheduleAnyway' },
  ]);
  expect(worker?.spec).toMatchObject({
    replicas: 2,
    template: { spec: { terminationGracePeriodSeconds: 60 } },
  });
  const [container] = worker?.spec.template?.spec.containers ?? [];
  expect(container).toMatchObject({
    startupProbe: { httpGet: { path: '/healthz' } },
    livenessProbe: { httpGet: { path: '/healthz' } },
    readinessProbe: { httpGet: { path: '/readyz' } },
  });
  expect(names('PodDisruptionBudget')).toEqual(['keyturn-worker']);
});

test('the way back to one host changes only what is there, and adds the volume', () => {
  const { resources, patches = [] } = kustomizationOf(oneHostFolder);
  expect(resources).toEqual(['../kubernetes', 'data.yaml']);
  const files = [...patches.map(({ path }) => String(path)), 'data.yaml'];
  expect(files.sort()).toEqual(
    manifestsIn(oneHostFolder)
      .map((file) => basename(file))
      .sort(),
  );
  for (const { path } of patches) {
    for (const patch of objectsIn(readFileSync(join(oneHostFolder, String(path)), 'utf8'))) {
      expect(names(patch.kind)).toContain(patch.metadata.name);
      const claims = (patch.spec?.template?.spec.volumes ?? []).map(
        (volume) => volume.persistentVolumeClaim?.claimName,
      );
      expect(claims.every((name) => name === 'keyturn-data')).toBe(true);
    }
  }
});

test.each(storeComponents)(
  'what %s needs changes pods and accounts that are there, and lets out no other pod',
  (name) => {
    const folder = join(storesFolder, name);
    const { kind, resources, patches = [] } = kustomizationOf(folder);
    expect(kind).toBe('Component');
    // Rights in the namespaces of applications are given by who runs those.
    const files = manifestsIn(folder).map((file) => basename(file));
    expect(files.filter((file) => file !== 'access.yaml')).toEqual(resources);
    for (const { target } of patches) expect(names(String(target?.kind))).toContain(target?.name);
    const [policy] = objectsIn(readFileSync(join(folder, 'network-policy.yaml'), 'utf8'));
    expect(policy).toMatchObject({ kind: 'NetworkPolicy', spec: { policyTypes: ['Egress'] } });
    expect(JSON.stringify(policy)).toMatch(/app\.kubernetes\.io\/component/);
  },
);

test('the manifests hold no secret, only names of secrets', () => {
  expect(names('Secret')).toEqual([]);
});

async function declaredBy(text: string): Promise<KeyturnYaml> {
  const folder = await mkdtemp(join(tmpdir(), 'keyturn-yaml-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, 'keyturn.yaml'), text);
  return readKeyturnYaml({ env: {}, cwd: folder, configDir: folder });
}
