import type { Blocked, FaultNote, Happening, PolicyState } from './state.ts';

/**
 * How large a state may be when it is passed on to the next run, in bytes of JSON as UTF-8: far below the 2 MB at which
 * Temporal ends a workflow, whatever was thrown at it. With encryption it stays below 64 KB.
 */
export const maxStateBytes = 60 * 1024;

/** No single text is longer than this; a person reads it in a few lines. */
const longestText = 600;

/**
 * The state within `maxStateBytes`. What is oldest and least useful goes first: happenings and request ids, then the
 * words of steps and of what blocks a key. Keys, markers, what is due and the last rotation of each outcome stay.
 */
export function bounded(state: PolicyState): PolicyState {
  let smaller = withShortTexts(state);
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

/** One thing less, or null where there is none left. */
const shrinks: ((state: PolicyState) => PolicyState | null)[] = [
  // Three of each remain, for somebody who asks again and who wonders what happened.
  (state) => (state.history.length <= 3 ? null : { ...state, history: state.history.slice(halfOf(state.history)) }),
  (state) => (state.requests.length <= 3 ? null : { ...state, requests: state.requests.slice(halfOf(state.requests)) }),
  (state) => (state.lastSteps.length === 0 ? null : { ...state, lastSteps: [] }),
  (state) => (state.retiring.every(isBrief) ? null : { ...state, retiring: state.retiring.map(briefly) }),
];

function halfOf(list: readonly unknown[]): number {
  return Math.ceil((list.length - 3) / 2);
}

function isBrief({ blocked }: { blocked: Blocked | null }): boolean {
  return blocked === null || (blocked.remedy === '' && blocked.message.length <= briefText);
}

const briefText = 80;

function briefly<Key extends { blocked: Blocked | null }>(key: Key): Key {
  const { blocked } = key;
  return blocked === null
    ? key
    : { ...key, blocked: { ...blocked, message: cut(blocked.message, briefText), remedy: '' } };
}

function withShortTexts(state: PolicyState): PolicyState {
  const { ending, lastRotations } = state;
  return {
    ...state,
    retiring: state.retiring.map((key) => ({ ...key, blocked: short(key.blocked) })),
    ending: ending && { ...ending, blocked: short(ending.blocked) },
    history: state.history.map(shortly),
    lastRotations: {
      published: lastRotations.published && shortly(lastRotations.published),
      undone: lastRotations.undone && shortly(lastRotations.undone),
    },
    lastSteps: state.lastSteps.map((step) => ({ ...step, note: cut(step.note, longestText) })),
  };
}

function shortly<One extends Happening>(happening: One): One {
  return 'fault' in happening ? { ...happening, fault: short(happening.fault) } : happening;
}

function short<Note extends FaultNote>(note: Note | null): Note | null {
  return note && { ...note, message: cut(note.message, longestText), remedy: cut(note.remedy, longestText) };
}

/** Of JSON as UTF-8, which is what Temporal is sent. */
export function bytesOf(value: unknown): number {
  return new TextEncoder().encode(JSON.stringify(value)).length;
}
