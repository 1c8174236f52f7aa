import { type Policy, policyVersion } from '../../policy/declared/policy.ts';

/** A policy with nothing special about it: daily, one store, an hour of grace and one of quarantine. */
export function plainPolicy(changes: Partial<Policy> = {}): Policy {
  return {
    version: policyVersion,
    name: 'checkout',
    connection: 'main',
    schedule: { every: 1, at: '03:30', timeZone: 'UTC' },
    autoRotate: true,
    key: {
      name: 'checkout-prod',
      limit: null,
      limitReset: null,
      includeByokInLimit: false,
      workspace: null,
      expiresAfterMs: null,
    },
    secret: secretIn('first'),
    graceMs: 3_600_000,
    quarantineMs: 3_600_000,
    ...changes,
  };
}

/** The secret in these stores; `store?`: in one that is not required. */
export function secretIn(...stores: string[]): Policy['secret'] {
  const name = 'OPENROUTER_API_KEY';
  const places = stores.map((store) => {
    return { store: store.replace('?', ''), name, field: null, required: !store.endsWith('?') };
  });
  return { name, places, optionalWaitMs: 7 * 86_400_000 };
}
