import type { FaultNote, Happening, Owed, PolicyState, RotationRecord } from './state.ts';

/**
 * How large a state may be when it is passed on to the next run, in bytes of JSON as UTF-8: far below the 2 MB at which
 * Temporal ends a workflow, whatever was thrown at it. With encryption it stays below 64 KB.
 */
export const maxStateBytes = 60 * 1024;

/** No single text is longer than this, in characters; a person reads it in a few lines. */
const longestText = 600;
/** Where all else did not help, in bytes of JSON: a control character takes six. */
const briefText = 80;

/**
 * The state within `maxStateBytes`. What is oldest and least useful goes first: happenings and request ids, then the
 * words of steps and of what is owed, then most of every text. Keys, markers, what is due and the last rotation of
 * each outcome stay.
 */
export function bounded(state: PolicyState): PolicyState {
  let smaller = withTexts(state, (text) => cut(text, longestText));
  for (const shrink of shrinks) {
    for (;;) {
      if (bytesOf(smaller) <= maxStateBytes) return smaller;
      const next = shrink(smaller);
      if (next === null) break;
      smaller = next;
    }
  }
  return smaller;
}

/** The text, cut with a mark where it is longer than `most` characters. */
export function cut(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most - 1).replace(/[\uD800-\uDBFF]$/, '')}…`;
}

/** The text, cut with a mark where it takes more than `most` bytes. */
function cutToBytes(text: string, most: number): string {
  let shorter = cut(text, most);
  while (bytesOf(shorter) - '""'.length > most) shorter = cut(shorter, Math.floor(shorter.length * 0.8));
  return shorter;
}

const mostHappenings = 30;
/** What went as planned is remembered for less long: it is only of interest beside what did not. */
const mostPublished = 7;
const mostRevoked = 4;

/** What a policy remembers of what happened, newest last. The last rotation of each outcome is kept elsewhere. */
export function remembered(history: Happening[]): Happening[] {
  let published = 0;
  let revoked = 0;
  const isKept = ({ event }: Happening) => {
    if (event === 'published') return ++published <= mostPublished;
    return (event !== 'disabled' && event !== 'deleted') || ++revoked <= mostRevoked;
  };
  return history.toReversed().filter(isKept).slice(0, mostHappenings).toReversed();
}

/** One thing less, or null where there is none left. */
const shrinks: ((state: PolicyState) => PolicyState | null)[] = [
  // Three of each remain, for somebody who asks again and who wonders what happened.
  (state) => (state.history.length <= 3 ? null : { ...state, history: state.history.slice(halfOf(state.history)) }),
  (state) => (state.requests.length <= 3 ? null : { ...state, requests: state.requests.slice(halfOf(state.requests)) }),
  (state) => (state.lastSteps.length === 0 ? null : { ...state, lastSteps: [] }),
  (state) => (state.owed.every(isBrief) ? null : { ...state, owed: state.owed.map(briefly) }),
  (state) => {
    const brief = { ...withTexts(state, (text) => cutToBytes(text, briefText)), requests: [], history: [] };
    return bytesOf(brief) < bytesOf(state) ? brief : null;
  },
  (state) => (state.owed.every(isSilent) ? null : { ...state, owed: state.owed.map(silently) }),
];

function halfOf(list: readonly unknown[]): number {
  return Math.ceil((list.length - 3) / 2);
}

function isBrief({ fault }: Owed): boolean {
  return fault.remedy === '' && cutToBytes(fault.message, briefText) === fault.message;
}

function briefly(owed: Owed): Owed {
  return { ...owed, fault: { ...owed.fault, message: cutToBytes(owed.fault.message, briefText), remedy: '' } };
}

function isSilent({ fault }: Owed): boolean {
  return fault.message === '' && fault.remedy === '';
}

/** The code says what is wrong. */
function silently(owed: Owed): Owed {
  return { ...owed, fault: { ...owed.fault, message: '', remedy: '' } };
}

type Cut = (text: string) => string;

/** The same with every text that somebody or something else has written cut. */
function withTexts(state: PolicyState, cutText: Cut): PolicyState {
  const { paused, pending, lastRotations } = state;
  const inRecord = (record: RotationRecord | null) => record && inHappening(record, cutText);
  return {
    ...state,
    paused: paused && { ...paused, reason: paused.reason && cutText(paused.reason) },
    pending: pending && { ...pending, reason: inReason(pending.reason, cutText) },
    places: state.places.map((place) => ({ ...place, changed: place.changed && inNote(place.changed, cutText) })),
    owed: state.owed.map((owed) => ({ ...owed, fault: inNote(owed.fault, cutText) })),
    history: state.history.map((happening) => inHappening(happening, cutText)),
    lastRotations: { published: inRecord(lastRotations.published), undone: inRecord(lastRotations.undone) },
    lastSteps: state.lastSteps.map((step) => ({ ...step, note: cutText(step.note) })),
    dropped: state.dropped.map((one) => ({ ...one, message: cutText(one.message), why: cutText(one.why) })),
  };
}

function inHappening<One extends Happening>(happening: One, cutText: Cut): One {
  if ('note' in happening) return { ...happening, note: cutText(happening.note) };
  if (!('reason' in happening)) return happening;
  return { ...happening, reason: inReason(happening.reason, cutText), fault: inNote(happening.fault, cutText) };
}

function inReason<Reason extends RotationRecord['reason']>(reason: Reason, cutText: Cut): Reason {
  return reason.kind === 'requested' ? { ...reason, text: cutText(reason.text) } : reason;
}

function inNote<Note extends FaultNote | null>(note: Note, cutText: Cut): Note {
  return note && { ...note, message: cutText(note.message), remedy: cutText(note.remedy) };
}

/** Of JSON as UTF-8, which is what Temporal is sent. */
export function bytesOf(value: unknown): number {
  return new TextEncoder().encode(JSON.stringify(value)).length;
}
