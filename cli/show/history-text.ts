import type { Happening } from '../../policy/life/state.ts';
import { shortHash } from '../../workflows/saga/step-table.ts';
import { utcStamp } from './clock-time.ts';
import { beside, width, wrapped } from './layout.ts';
import { faultWords, recordWords } from './rotation-words.ts';

const heading = 'when (UTC)';
const labelColumns = 21;

/** One entry an event, its time in UTC beside it. */
export function historyText(happenings: readonly Happening[]): string {
  const lines = happenings.flatMap((one) => {
    const words = happeningWords(one).flatMap((text) => wrapped(text, width - labelColumns));
    return beside(utcStamp(one.at), labelColumns, words);
  });
  return [heading, ...lines].join('\n');
}

function happeningWords(one: Happening): string[] {
  switch (one.event) {
    case 'published':
    case 'undone': {
      const key = one.generation === null ? '' : `key #${one.generation} `;
      const why = one.fault === null ? [] : [faultWords(one.fault)];
      const next = one.nextAttemptAt === null ? [] : [`next try at ${utcStamp(one.nextAttemptAt)}`];
      return [`${key}${recordWords(one)}`, ...why, ...next];
    }
    case 'disabled':
    case 'deleted':
      return [`key #${one.generation} ${shortHash(one.hash)} ${one.event}${noted(one.note)}`];
    case 'removed':
      return [`a key whose creation was never answered was found and removed: ${one.marker}`];
    case 'vacated':
      return [one.note];
    case 'applied':
      return [`policy ${one.note}`];
    case 'ending':
      return [`delete began: ${one.note}`];
    case 'paused':
    case 'resumed':
      return [`${one.event}${noted(one.note)}`];
  }
}

function noted(note: string): string {
  return note === '' ? '' : `: ${note}`;
}
