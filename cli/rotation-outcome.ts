import { type FaultCode, type FaultKind, faults } from '../errors/faults.ts';
import { fault, KeyturnError } from '../errors/keyturn-error.ts';
import type { RotationRecord } from '../policy/life/state.ts';
import { utcTime } from './show/clock-time.ts';
import { inTime } from './show/relative-time.ts';

/** Throws what undid the rotation, with the next attempt in its remedy. */
export function requirePublished({ event, fault: why, nextAttemptAt }: RotationRecord): void {
  if (event === 'published') return;
  if (why === null) throw fault('KEYTURN_INTERNAL', 'a rotation was undone without a reason');
  const next =
    nextAttemptAt === null
      ? 'It is not tried again by itself.'
      : `It is tried again ${inTime(nextAttemptAt, Date.now())}, at ${utcTime(nextAttemptAt)}.`;
  throw new KeyturnError({
    code: isFaultCode(why.code) ? why.code : 'KEYTURN_INTERNAL',
    kind: why.kind as FaultKind,
    message: `The rotation was undone; the key from before goes on working. ${why.message}`,
    remedy: `${next} ${why.remedy}`,
  });
}

function isFaultCode(code: string): code is FaultCode {
  return Object.hasOwn(faults, code);
}
