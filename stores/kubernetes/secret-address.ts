import type { Spot } from '../store.ts';

/** A Secret in a cluster. */
export type SecretAddress = { namespace: string; name: string };

/** RFC 1123 label. */
export function isNamespace(text: string): boolean {
  return /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(text);
}

/** RFC 1123 subdomain. */
function isSecretName(text: string): boolean {
  return text.length <= 253 && /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/.test(text);
}

function isKey(text: string): boolean {
  return text.length <= 253 && /^[-._a-zA-Z0-9]+$/.test(text) && text !== '.' && !text.startsWith('..');
}

/** Where a spot is, its name being `NAME` or `NAMESPACE/NAME`; or why it cannot be one. */
export function addressAt({ name, field }: Spot, namespace: string | null): SecretAddress | { wrong: string } {
  if (field !== null && !isKey(field)) {
    return { wrong: "a Secret's key has only letters, digits, hyphens, underscores and dots" };
  }
  const [first = '', second, ...more] = name.split('/');
  const address = second === undefined ? { namespace, name: first } : { namespace: first, name: second };
  if (more.length > 0 || !isSecretName(address.name)) {
    const wrong = 'this is no name of a Secret, which has only lowercase letters, digits, hyphens and dots';
    return { wrong: `${wrong}; name it in the place: { store: …, name: checkout, field: OPENROUTER_API_KEY }` };
  }
  if (address.namespace === null) {
    return { wrong: 'no namespace is said; write NAMESPACE/NAME, or give the store a namespace in keyturn.yaml' };
  }
  if (!isNamespace(address.namespace)) return { wrong: 'what stands before the / is no name of a namespace' };
  return { namespace: address.namespace, name: address.name };
}
