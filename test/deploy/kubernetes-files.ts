import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse, parseAllDocuments } from 'yaml';

/** What is applied by default: workers that keep nothing. */
export const kubernetesFolder = fileURLToPath(new URL('../../deploy/kubernetes', import.meta.url));
/** The former with a volume for the local vault. */
export const oneHostFolder = fileURLToPath(new URL('../../deploy/kubernetes-one-host', import.meta.url));
/** A component for each kind of store. */
export const storesFolder = join(kubernetesFolder, 'stores');
export const storeComponents = readdirSync(storesFolder);

const kustomization = 'kustomization.yaml';

/** Paths of the manifests that kustomize takes from the folder. */
export function manifestsIn(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.yaml') && name !== kustomization)
    .map((name) => join(folder, name));
}

/** Every file that holds whole objects: those of the default, and what stores and the volume add. */
export const kubernetesFiles = [
  ...manifestsIn(kubernetesFolder),
  ...storeComponents.flatMap((name) => manifestsIn(join(storesFolder, name))),
  join(oneHostFolder, 'data.yaml'),
];

/** What the tests read of an object; a Deployment's and a Job's pod is at the same place. */
export type KubernetesObject = {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace?: string; labels?: Record<string, string> };
  data?: Record<string, string>;
  spec: { replicas?: number; template?: { metadata: { labels: Record<string, string> }; spec: PodSpec } };
};

export type PodSpec = {
  serviceAccountName?: string;
  terminationGracePeriodSeconds?: number;
  securityContext?: Record<string, unknown>;
  automountServiceAccountToken?: boolean;
  topologySpreadConstraints?: { topologyKey: string; whenUnsatisfiable: string }[];
  containers: Container[];
  volumes?: ({ name: string } & Record<string, Record<string, unknown>>)[];
};

export type Container = {
  name: string;
  image: string;
  args?: string[];
  env?: { name: string; value: string }[];
  envFrom?: { configMapRef: { name: string } }[];
  volumeMounts?: { name: string; mountPath: string; readOnly?: boolean }[];
  resources?: { requests?: Record<string, string>; limits?: Record<string, string> };
  securityContext?: Record<string, unknown>;
  livenessProbe?: unknown;
  readinessProbe?: unknown;
};

export function objectsIn(text: string): KubernetesObject[] {
  return parseAllDocuments(text).map((document) => document.toJS() as KubernetesObject);
}

/** What is applied by default. */
export function readKubernetesObjects(): KubernetesObject[] {
  return manifestsIn(kubernetesFolder).flatMap((file) => objectsIn(readFileSync(file, 'utf8')));
}

export type Kustomization = {
  kind: string;
  resources: string[];
  patches?: { path?: string; target?: { kind: string; name: string } }[];
};

export function kustomizationOf(folder: string): Kustomization & { text: string } {
  const text = readFileSync(join(folder, kustomization), 'utf8');
  return { ...(parse(text) as Kustomization), text };
}
