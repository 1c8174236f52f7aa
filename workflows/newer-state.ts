import {
  ApplicationFailure,
  condition,
  defineUpdate,
  setDefaultSignalHandler,
  setHandler,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import { fault } from '../errors/keyturn-error.ts';
import { Unreadable } from '../errors/unreadable.ts';
import { type Migrated, migratedState } from '../policy/life/migrations.ts';
import { newPolicyState, stateVersion } from '../policy/life/state.ts';
import { type LeftBehind, statusOf } from '../policy/life/status.ts';
import * as messages from './messages.ts';
import { continueOnCurrentBuild } from './move-on.ts';
import { searchAttributes } from './search-attributes.ts';

/** A message that came while nobody could read the state: it is heard once somebody can. */
export type Held = { name: string; input: unknown };

/** Passed on from run to run while the state is newer than the worker. */
export type Waiting = { held: Held[] };

/** A run of a policy, as the one before it begins it. */
export type PolicyRun = (passedOn: unknown, waiting?: Waiting) => Promise<LeftBehind | null>;

/** What a cancellation of the workflow is called among the messages that are held. */
export const cancelMessage = 'cancel';

const lookAgainMs = 60_000;
const mostHeld = 50;
const longestName = 60;
const longestInput = 2_000;

/**
 * A newer Keyturn wrote the state: after a roll-back, or where old and new workers share a queue. Nothing of it is
 * touched. It is passed on from one short run to the next, until a worker takes one that can read it (`passOn`).
 *
 * Every version begins a run that is given a `Waiting` with this same wait, so that whichever worker takes the run over
 * in the middle replays it. Changing that needs `patched`.
 */
export async function waitForNewerWorker(
  passedOn: unknown,
  { held }: Waiting,
  cancelled: Promise<never>,
): Promise<void> {
  let isNudged = false;
  answerThatItWaits(passedOn);
  holdMessages(held, cancelled, (name) => {
    isNudged ||= name === messages.refresh.name;
  });
  await condition(() => isNudged || workflowInfo().continueAsNewSuggested, lookAgainMs, {
    summary: 'until a worker can read the state',
  });
}

/** Ends this run; the next one begins with the same state, and waits. */
export async function passOn(
  passedOn: unknown,
  waiting: Waiting | undefined,
  cancelled: Promise<never>,
): Promise<never> {
  const held = waiting?.held ?? [];
  if (waiting === undefined) {
    answerThatItWaits(passedOn);
    holdMessages(held, cancelled, () => {});
    upsertSearchAttributes([{ key: searchAttributes.state, value: 'needs-attention' }]);
  }
  return continueOnCurrentBuild<PolicyRun>(passedOn, { held });
}

function holdMessages(held: Held[], cancelled: Promise<never>, heard: (name: string) => void): void {
  setDefaultSignalHandler((name: string, input: unknown) => {
    heard(name);
    hold(held, name, input);
  });
  cancelled.catch(() => {
    if (!held.some(({ name }) => name === cancelMessage)) held.push({ name: cancelMessage, input: null });
  });
}

/** Adds a signal, unless there are too many or it is too long. Never throws, whatever `input` is. */
export function hold(held: Held[], name: string, input: unknown): void {
  if (held.length >= mostHeld || name === cancelMessage) return;
  // What is no JSON would be another thing in the next run, a map for instance, and be understood there.
  const kept = input instanceof Unreadable || ArrayBuffer.isView(input) ? 'no JSON' : input;
  if (lengthOf(kept) <= longestInput) held.push({ name: name.slice(0, longestName), input: kept });
}

function lengthOf(input: unknown): number {
  try {
    return (JSON.stringify(input) ?? '').length;
  } catch {
    // Nested so deeply that it overflows the stack.
    return Number.POSITIVE_INFINITY;
  }
}

function answerThatItWaits(passedOn: unknown): void {
  const name = workflowInfo().workflowId.slice(messages.workflowId('').length);
  const isNewer = (migrated: Migrated<unknown>) => migrated.is === 'newer';
  const version = isNewer(migratedState(passedOn)) ? (passedOn as { version: number }).version : stateVersion;
  const { code, kind, message, remedy } = fault('KEYTURN_POLICY_NEWER', name, version, stateVersion);
  const refuse = () => {
    throw ApplicationFailure.create({ type: code, message, nonRetryable: true, details: [{ kind, remedy }] });
  };
  setHandler(messages.status, () => {
    const now = new Date(Date.now()).toISOString();
    const status = statusOf(newPolicyState(name), null, now);
    const attention = [{ code, message, remedy }];
    return { ...status, state: 'needs-attention' as const, attention, because: 'a newer worker', nextRotation: null };
  });
  setHandler(messages.history, () => []);
  setHandler(messages.next, () => ({ schedule: null, next: null }));
  for (const { name: update } of [messages.applyPolicy, messages.rotate, messages.endPolicy]) {
    setHandler(defineUpdate(update), refuse, { validator: refuse });
  }
}
