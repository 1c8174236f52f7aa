import { checkPolicy, type FieldProblem } from '../declared/check-policy.ts';
import type { Policy } from '../declared/policy.ts';
import { formatDuration } from '../time/duration.ts';

/**
 * The policy that was sent to a worker, by a client of any version or by hand, or all that is wrong with it: by the same
 * rules as its file. Nothing has a default here: who sends a policy has read its file already.
 */
export function checkCrossing(sent: unknown): { policy: Policy } | { problems: FieldProblem[] } {
  const { version: _, graceMs, quarantineMs, key, autoRotate, secret, ...plain } = fieldsOf(sent);
  const { expiresAfterMs, includeByokInLimit, ...settings } = fieldsOf(key);
  const checked = checkPolicy({
    ...plain,
    autoRotate: autoRotate ?? null,
    secret: inFileSecret(fieldsOf(secret)),
    key: {
      ...settings,
      includeByokInLimit: includeByokInLimit ?? null,
      ...(expiresAfterMs === null ? {} : { expiresAfter: inFile(expiresAfterMs) }),
    },
    grace: inFile(graceMs),
    quarantine: inFile(quarantineMs),
  });
  if ('problems' in checked) return checked;
  const { policy } = checked;
  // To the millisecond: a file only knows whole seconds.
  const exact = { graceMs: Number(graceMs), quarantineMs: Number(quarantineMs) };
  const optionalWaitMs = Number(fieldsOf(secret).optionalWaitMs);
  const life = policy.key.expiresAfterMs === null ? null : Number(expiresAfterMs);
  return {
    policy: {
      ...policy,
      ...exact,
      secret: { ...policy.secret, optionalWaitMs },
      key: { ...policy.key, expiresAfterMs: life },
    },
  };
}

function inFileSecret({ places, optionalWaitMs, ...secret }: Record<string, unknown>): Record<string, unknown> {
  return { ...secret, stores: places ?? null, optional: { waitFor: inFile(optionalWaitMs) } };
}

/** A length of time as a file has it. What is none is shown nearly as it is: `24h` is one in a file, but not here. */
function inFile(ms: unknown): unknown {
  if (typeof ms === 'string') return [ms];
  const isLength = typeof ms === 'number' && Number.isSafeInteger(ms) && ms >= 0;
  return isLength ? formatDuration(ms) : (ms ?? null);
}

function fieldsOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}
