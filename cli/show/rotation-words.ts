import type { FaultNote, RotationReason, RotationRecord } from '../../policy/life/state.ts';
import { took } from './relative-time.ts';

/** Why a rotation was begun. */
export function reasonWords(reason: RotationReason): string {
  switch (reason.kind) {
    case 'first':
      return 'the first key';
    case 'scheduled':
      return `scheduled for ${reason.date}`;
    case 'requested':
      return reason.text === '' ? 'asked for without a reason' : `asked for by "${reason.text}"`;
  }
}

/** `published, asked for by "try it", 10 steps in 1.9 s` */
export function recordWords(record: RotationRecord): string {
  const { event, reason, attempt, steps, startedAt, at } = record;
  const duration = took(Date.parse(at) - Date.parse(startedAt));
  const tries = attempt > 1 ? `, try ${attempt}` : '';
  return `${event}, ${reasonWords(reason)}${tries}, ${steps} steps in ${duration}`;
}

export function faultWords({ code, message }: Pick<FaultNote, 'code' | 'message'>): string {
  return `${code}: ${message}`;
}
