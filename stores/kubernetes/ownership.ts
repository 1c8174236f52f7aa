import type { SecretObject } from './secret-object.ts';

/** Where a tool leaves its mark on what it writes again and again. */
type Mark = { tool: string; label?: string; annotation?: string };

/** They replace what a Secret holds, whatever is there (facts §4.10). */
const replacers: (Mark & { isOf?: string })[] = [
  { tool: 'a SealedSecret', annotation: 'sealedsecrets.bitnami.com/managed', isOf: 'true' },
  { tool: 'the Secrets Store CSI driver', label: 'secrets-store.csi.k8s.io/managed', isOf: 'true' },
  { tool: 'Reflector', annotation: 'reflector.v1.k8s.emberstack.com/reflects' },
];

/** They put back what stands in Git or in a chart, unless told to leave a key alone. */
const appliers: (Mark & { instead: string })[] = [
  {
    tool: 'Argo CD',
    annotation: 'argocd.argoproj.io/tracking-id',
    instead: 'keep the key out of Git, or list it under ignoreDifferences with RespectIgnoreDifferences=true',
  },
  {
    tool: 'Argo CD',
    label: 'argocd.argoproj.io/instance',
    instead: 'keep the key out of Git, or list it under ignoreDifferences with RespectIgnoreDifferences=true',
  },
  { tool: 'Flux', label: 'kustomize.toolkit.fluxcd.io/name', instead: 'keep the key out of Git' },
  { tool: 'Flux', label: 'helm.toolkit.fluxcd.io/name', instead: 'keep the key out of the chart' },
  { tool: 'Helm', annotation: 'meta.helm.sh/release-name', instead: 'keep the key out of the chart' },
];

const externalSecrets = 'reconcile.external-secrets.io/managed';
const sealedPatch = 'sealedsecrets.bitnami.com/patch';
const lastApplied = 'kubectl.kubernetes.io/last-applied-configuration';

/** Types whose data is somebody's by their meaning. */
const typesOfOthers: Record<string, string> = {
  'kubernetes.io/service-account-token': 'it is the token of a service account, which Kubernetes itself fills in',
  'bootstrap.kubernetes.io/token': 'it is a token for joining the cluster',
  'helm.sh/release.v1': 'it is where Helm keeps a release',
};

/** Why a key of it must not be written: the write would fail, or would not last. null: it may be. */
export function refusalOf(secret: SecretObject, key: string | null): string | null {
  const { metadata, type } = secret;
  if (secret.immutable) return 'the Secret is immutable; delete it and make it again without "immutable: true"';
  if (metadata.deletionTimestamp) return 'the Secret is being deleted';
  const meant = typesOfOthers[type];
  if (meant !== undefined) return `${meant}; name another Secret`;
  const controller = metadata.ownerReferences?.find((owner) => owner.controller === true);
  if (controller !== undefined) {
    const owner = `${shown(controller.kind)} ${shown(controller.name)}`;
    return `the Secret is owned by ${owner}, which would put its own value back; name a Secret that nothing else writes`;
  }
  const replacer = replacers.find((one) => isMarked(secret, one, one.isOf));
  if (replacer !== undefined) {
    return `the Secret is filled by ${replacer.tool}, which would put its own value back; name a Secret that nothing else writes`;
  }
  if (
    metadata.labels?.[externalSecrets] === 'true' &&
    key !== null &&
    managersOf(secret, key).some(isExternalSecrets)
  ) {
    return 'the key is filled by an ExternalSecret, which would put its own value back; take it out there, or name another key';
  }
  return null;
}

/** What may undo a write later, or keep what it replaced. */
export function warningsOf(secret: SecretObject, key: string | null): string[] {
  const { metadata } = secret;
  const warnings: string[] = [];
  for (const owner of metadata.ownerReferences ?? []) {
    if (owner.controller) continue;
    warnings.push(`The Secret is deleted together with ${shown(owner.kind)} ${shown(owner.name)}, which owns it.`);
  }
  const applier = appliers.find((one) => isMarked(secret, one));
  if (applier !== undefined) {
    warnings.push(`The Secret is applied by ${applier.tool}, which may put an older value back: ${applier.instead}.`);
  }
  if (metadata.labels?.[externalSecrets] === 'true') {
    warnings.push('An ExternalSecret fills other keys of this Secret; deleting it may delete the Secret.');
  }
  if (metadata.annotations?.[sealedPatch] === 'true') {
    warnings.push('A SealedSecret fills keys of this Secret: keep the key that Keyturn writes out of it.');
  }
  const managedBy = metadata.labels?.['app.kubernetes.io/managed-by'];
  if (applier === undefined && managedBy !== undefined && managedBy !== 'keyturn') {
    warnings.push(`The Secret says that it is managed by ${shown(managedBy)}, which may put an older value back.`);
  }
  if (key === null) return warnings;
  for (const manager of new Set(managersOf(secret, key).flatMap((one) => (isByHand(one) ? [] : [one.name])))) {
    warnings.push(`${shown(manager)} has written the key before, and may put its own value back.`);
  }
  if (lastAppliedHas(secret, key)) {
    const remedy = `kubectl annotate secret NAME ${lastApplied}-`;
    warnings.push(
      `kubectl apply has written the key: its annotation keeps that value for good, and the next apply puts it back. Take the key out of the file, instead: ${remedy}`,
    );
  }
  return warnings;
}

type Manager = { name: string; applies: boolean };

/** Who wrote the key's present value, as the cluster notes it. */
function managersOf({ metadata }: SecretObject, key: string): Manager[] {
  return (metadata.managedFields ?? [])
    .filter(({ fieldsV1 }) => fieldsV1?.['f:data']?.[`f:${key}`] !== undefined)
    .map(({ manager, operation }) => ({ name: manager ?? 'an unknown manager', applies: operation === 'Apply' }))
    .filter(({ name }) => name !== 'keyturn');
}

const isExternalSecrets = ({ name }: Manager) => name.startsWith('externalsecrets.external-secrets.io/');

/** Once, by a person. (What `kubectl apply` has written is told by its annotation.) */
function isByHand({ name, applies }: Manager): boolean {
  return !applies && /^kubectl(-|$)/.test(name);
}

function isMarked({ metadata }: SecretObject, { label, annotation }: Mark, isOf?: string): boolean {
  const found = label === undefined ? metadata.annotations?.[annotation ?? ''] : metadata.labels?.[label];
  return found !== undefined && (isOf === undefined || found === isOf);
}

function lastAppliedHas({ metadata }: SecretObject, key: string): boolean {
  try {
    const applied = JSON.parse(metadata.annotations?.[lastApplied] ?? '{}');
    return Object.hasOwn(applied.data ?? {}, key) || Object.hasOwn(applied.stringData ?? {}, key);
  } catch {
    return true; // it is there and cannot be read: better told once too often
  }
}

/** Names out of an object that others wrote: only what is one. */
function shown(name: string): string {
  return /^[\w.:/@-]{1,80}$/.test(name) ? name : '(a name that cannot be shown)';
}
