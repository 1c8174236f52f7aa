import { fault } from '../errors/keyturn-error.ts';
import { oneLine, reasonLength, requestIdLength } from '../policy/declared/limits.ts';
import type { EndingMode } from '../policy/life/state.ts';
import type { ApplyOptions, RotateOptions } from './options.ts';

/**
 * What the library was given, checked before anything is sent: plain JavaScript knows no types, and a wrong word must not
 * begin what cannot be taken back. All throw KEYTURN_USAGE, and KEYTURN_TEXT_TOO_LONG for a text that is.
 */

/** A name that no policy can have is left for the answer that there is none. */
export function checkName(name: unknown): string {
  if (typeof name !== 'string' || name === '') throw wrong('The name of a policy', name, 'a text, such as checkout');
  return name;
}

export function checkRotate(options: unknown): RotateOptions {
  const { reason = '', requestId, endGrace = false } = mapOf('The options of rotate', options ?? {});
  if (requestId !== undefined && (typeof requestId !== 'string' || requestId === '')) {
    throw wrong('requestId', requestId, 'a text that is not empty, or left out');
  }
  if (typeof endGrace !== 'boolean') throw wrong('endGrace', endGrace, 'true or false');
  const id = requestId === undefined ? {} : { requestId: short('requestId', oneLine(requestId), requestIdLength) };
  return { reason: checkReason(reason), endGrace, ...id };
}

export function checkPause(options: unknown): { reason?: string } {
  const { reason } = mapOf('The options of pause', options ?? {});
  return reason === undefined ? {} : { reason: checkReason(reason) };
}

const endingModes = ['detach', 'retire', 'destroy'] as const satisfies EndingMode[];

export function checkEnding(mode: unknown): EndingMode {
  const known = endingModes.find((word) => word === mode);
  if (known === undefined) throw wrong('The mode of delete', mode, endingModes.join(', '));
  return known;
}

export function checkApply(options: unknown): ApplyOptions {
  const { newKey = false, removed = 'leave' } = mapOf('The options of apply', options ?? {});
  if (typeof newKey !== 'boolean') throw wrong('newKey', newKey, 'true or false');
  if (removed !== 'leave' && removed !== 'clean') throw wrong('removed', removed, 'leave, clean');
  return { newKey, removed };
}

/** As many runs as anybody reads. */
const mostRuns = 1_000;

export function checkCount(count: unknown): number {
  const isCount = typeof count === 'number' && Number.isInteger(count) && count >= 1 && count <= mostRuns;
  if (!isCount) throw wrong('The count of next', count, `a whole number from 1 to ${mostRuns}`);
  return count;
}

export function checkRotationId(rotationId: unknown): string {
  if (typeof rotationId === 'string' && rotationId !== '') return rotationId;
  throw wrong('The rotation to wait for', rotationId, 'the rotationId of a ticket');
}

function checkReason(reason: unknown): string {
  if (typeof reason !== 'string') throw wrong('reason', reason, 'a text');
  return short('reason', oneLine(reason), reasonLength);
}

function short(what: string, text: string, most: number): string {
  if (text.length > most) throw fault('KEYTURN_TEXT_TOO_LONG', what, text.length, most);
  return text;
}

function mapOf(what: string, value: unknown): Record<string, unknown> {
  if (Object.prototype.toString.call(value) !== '[object Object]') throw wrong(what, value, 'a map');
  return value as Record<string, unknown>;
}

/** The value itself is not shown: somebody may have passed a key. */
function wrong(what: string, value: unknown, allowed: string) {
  const is = Array.isArray(value) ? 'a list' : value === null ? 'null' : typeof value;
  return fault('KEYTURN_USAGE', `${what} is not right (${is}); allowed: ${allowed}.`);
}
