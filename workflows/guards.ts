/**
 * What a message must look like before anything reads it. By hand: zod in the workflow's bundle costs 12 times the memory
 * of a policy that sleeps (design §11). Fields that are not known are passed over: a newer client may send them.
 */

import { oneLine, reasonLength, requestIdLength } from '../policy/declared/limits.ts';
import { type Policy, policyVersion } from '../policy/declared/policy.ts';
import { cut } from '../policy/life/bounds.ts';
import { migratedPolicy } from '../policy/life/migrations.ts';
import type { EndingMode } from '../policy/life/state.ts';

/** `why` it was not understood, as the end of a sentence that begins with the message's name. */
export type Read<Value> = { value: Value } | { why: string };

export type ReadRequest = { requestId: string | null; reason: string; endGrace: boolean };

/** Without an input it is a plain request: what a click on "Send signal" in the Web UI is. */
export function readRequest(input: unknown): Read<ReadRequest> {
  const fields = fieldsOf(input ?? {});
  if (fields === null) return { why: 'takes a map of reason, requestId and endGrace' };
  const { requestId = null, reason = null, endGrace = false } = fields;
  if (reason !== null && typeof reason !== 'string') return { why: 'has a reason that is no text' };
  if (typeof endGrace !== 'boolean') return { why: 'has an endGrace that is neither true nor false' };
  const isId = requestId === null || (typeof requestId === 'string' && requestId.length <= requestIdLength);
  // Not cut: two that differ would become the same request.
  if (!isId) return { why: `has a requestId that is no text of up to ${requestIdLength} characters` };
  return { value: { requestId: requestId || null, reason: cut(oneLine(reason ?? ''), reasonLength), endGrace } };
}

export function readPause(input: unknown): Read<{ reason: string | null }> {
  const fields = fieldsOf(input ?? {});
  if (fields === null) return { why: 'takes a map of reason' };
  const { reason = null } = fields;
  if (reason !== null && typeof reason !== 'string') return { why: 'has a reason that is no text' };
  return { value: { reason: reason && cut(oneLine(reason), reasonLength) } };
}

const endingModes = ['detach', 'retire', 'destroy'] as const satisfies EndingMode[];

export function readEnding(input: unknown): Read<{ mode: EndingMode }> {
  const mode = endingModes.find((word) => word === fieldsOf(input)?.mode);
  return mode === undefined ? { why: `takes a map of mode: ${endingModes.join(', ')}` } : { value: { mode } };
}

/** For what takes no input there is nothing to misunderstand. */
export function readNothing(): Read<null> {
  return { value: null };
}

/** Far more than any policy that is right. */
const policyLength = 20_000;

/** As much of a policy's form as the workflow itself reads; the worker checks the rest with the schema of the file. */
export function readPolicy(input: unknown): Read<Policy> {
  const migrated = migratedPolicy(input);
  if (migrated.is === 'newer') {
    return { why: `has a policy of version ${migrated.version}; this worker knows ${policyVersion}` };
  }
  const fields = migrated.is === 'known' ? fieldsOf(migrated.value) : null;
  if (fields === null) return { why: 'takes a policy' };
  const { name, secret, schedule, key, ...plain } = fields;
  const { name: secretName, places, ...besides } = fieldsOf(secret) ?? {};
  const parts = [plain, schedule, key, besides].map(fieldsOf);
  const isFormed =
    typeof name === 'string' &&
    parts.every((part) => part !== null && Object.values(part).every(isPlain)) &&
    typeof secretName === 'string' &&
    Array.isArray(places) &&
    places.every((place) => isPlaceLike(fieldsOf(place)));
  if (!isFormed) return { why: 'takes a policy with schedule, key and secret' };
  // Only now: what is nested deeply overflows the stack.
  if (JSON.stringify(fields).length > policyLength) return { why: `takes up to ${policyLength} characters` };
  return { value: fields as Policy };
}

function isPlaceLike(place: Record<string, unknown> | null): boolean {
  return (
    place !== null &&
    typeof place.store === 'string' &&
    typeof place.name === 'string' &&
    Object.values(place).every(isPlain)
  );
}

/** Null also for bytes, which a payload may be (`binary/plain`), a list, a date. */
function fieldsOf(value: unknown): Record<string, unknown> | null {
  const isMap = Object.prototype.toString.call(value) === '[object Object]';
  return isMap ? (value as Record<string, unknown>) : null;
}

function isPlain(value: unknown): boolean {
  return value === null || typeof value !== 'object';
}
