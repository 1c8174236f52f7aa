import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readComposeFile } from './compose-file.ts';
import { kubernetesFiles, kustomizedFiles, readKubernetesObjects } from './kubernetes-files.ts';

// Whether the manifests are what Kubernetes' schemas ask is checked in test/production.

const objects = readKubernetesObjects();
const names = (kind: string) => objects.filter((object) => object.kind === kind).map(({ metadata }) => metadata.name);
const pods = objects.flatMap(({ metadata, spec }) =>
  spec?.template ? [{ name: metadata.name, pod: spec.template.spec, labels: spec.template.metadata.labels }] : [],
);

test('every manifest is applied, and everything is in one namespace', () => {
  expect(kustomizedFiles().sort()).toEqual(kubernetesFiles.map((file) => basename(file)).sort());
  const elsewhere = objects.filter(({ kind, metadata }) => kind !== 'Namespace' && metadata.namespace !== 'keyturn');
  expect(elsewhere).toEqual([]);
});

describe.each(pods)('$name', ({ pod, labels }) => {
  test('is what the pod security standard "restricted" asks, on a read-only root', () => {
    expect(pod.securityContext).toMatchObject({ runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } });
    expect(pod.automountServiceAccountToken).toBe(false);
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
    for (const { persistentVolumeClaim, configMap } of volumes) {
      if (persistentVolumeClaim) expect(names('PersistentVolumeClaim')).toContain(persistentVolumeClaim.claimName);
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

test('two workers are probed, and have time to end their steps', () => {
  const worker = objects.find(({ metadata }) => metadata.name === 'keyturn-worker');
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

test('the manifests hold no secret, only names of secrets', () => {
  expect(names('Secret')).toEqual([]);
});
