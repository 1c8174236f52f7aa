import { type Policy, policyVersion } from '../../../policy/declared/policy.ts';
import type { RotationReason } from '../../../policy/life/state.ts';
import type { RotationResult } from '../../../policy/life/transitions.ts';

export const minute = 60_000;
export const hour = 60 * minute;
export const day = 24 * hour;

export function aPolicy(changes: Partial<Policy> = {}): Policy {
  return {
    version: policyVersion,
    name: 'demo',
    connection: 'main',
    schedule: { every: 30, at: '03:30', timeZone: 'Europe/Berlin' },
    autoRotate: true,
    key: {
      name: 'demo-key',
      limit: 50,
      limitReset: 'monthly',
      includeByokInLimit: false,
      workspace: null,
      expiresAfterMs: null,
    },
    secret: { name: 'OPENROUTER_API_KEY', stores: ['local'] },
    graceMs: day,
    quarantineMs: 7 * day,
    ...changes,
  };
}

export function published(
  rotationId: string,
  generation: number,
  reason: RotationReason,
  startedAt: string,
): RotationResult {
  const key = { generation, hash: `hash-${generation}`, digest: `digest-${generation}`, sealed: '', places: [] };
  return { kind: 'published', key, fault: null, rotationId, reason, attempt: 1, startedAt, steps: [], lostMarkers: [] };
}

export function undone(rotationId: string, reason: RotationReason, startedAt: string): RotationResult {
  const fault = { code: 'KEYTURN_OPENROUTER_UNAVAILABLE', kind: 'transient', message: 'down', remedy: 'wait' };
  return {
    kind: 'undone',
    fault,
    withdrawn: null,
    rotationId,
    reason,
    attempt: 1,
    startedAt,
    steps: [],
    lostMarkers: [],
  };
}
