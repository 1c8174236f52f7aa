import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse, parseAllDocuments } from 'yaml';

const folder = fileURLToPath(new URL('../../deploy/kubernetes', import.meta.url));
const kustomization = 'kustomization.yaml';

/** Paths of the manifests. */
export const kubernetesFiles = readdirSync(folder)
  .filter((name) => name.endsWith('.yaml') && name !== kustomization)
  .map((name) => join(folder, name));

/** What the tests read of an object; a Deployment's and a Job's pod is at the same place. */
export type KubernetesObject = {
  kind: string;
  metadata: { name: string; namespace?: string };
  spec: { replicas?: number; template?: { metadata: { labels: Record<string, string> }; spec: PodSpec } };
};

export type PodSpec = {
  terminationGracePeriodSeconds?: number;
  securityContext?: Record<string, unknown>;
  automountServiceAccountToken?: boolean;
  containers: Container[];
  volumes?: ({ name: string } & Record<string, Record<string, string>>)[];
};

export type Container = {
  name: string;
  image: string;
  args?: string[];
  env?: { name: string; value: string }[];
  envFrom?: { configMapRef: { name: string } }[];
  volumeMounts?: { name: string; mountPath: string }[];
  resources?: { requests?: Record<string, string>; limits?: Record<string, string> };
  securityContext?: Record<string, unknown>;
  livenessProbe?: unknown;
  readinessProbe?: unknown;
};

export function readKubernetesObjects(): KubernetesObject[] {
  const texts = kubernetesFiles.map((file) => readFileSync(file, 'utf8'));
  return texts.flatMap((text) => parseAllDocuments(text).map((document) => document.toJS() as KubernetesObject));
}

/** The files that `kubectl apply -k` would take. */
export function kustomizedFiles(): string[] {
  const { resources } = parse(readFileSync(join(folder, kustomization), 'utf8')) as { resources: string[] };
  return resources.map((name) => basename(name));
}
