import { fault, type KeyturnError } from '../errors/keyturn-error.ts';
import { Unreadable } from '../errors/unreadable.ts';
import { changedFields, fixedFieldChange } from '../policy/declared/changes.ts';
import { oneLine } from '../policy/declared/limits.ts';
import type { Policy } from '../policy/declared/policy.ts';
import { nextRotation } from '../policy/life/next-rotation.ts';
import type { Plan, PolicyState } from '../policy/life/state.ts';
import * as after from '../policy/life/transitions.ts';
import { type Instant, isDue } from '../policy/time/instant.ts';
import type { Read } from './guards.ts';
import * as guards from './guards.ts';
import type { Applied, Ticket } from './messages.ts';
import type { Life } from './policy-life.ts';

/** Where a message meets the policy: the time, and ids that nobody else has. `plan`: of a policy that was checked. */
export type Moment = {
  now: Instant;
  newId: () => string;
  plan?: Plan | undefined;
  removed?: 'leave' | 'clean';
};

type Message<Value, Answer> = {
  read: (input: unknown) => Read<Value>;
  /** Why the policy as it stands does not take it. */
  refusal: (state: PolicyState, value: Value) => KeyturnError | null;
  take: (life: Life, value: Value, moment: Moment) => Answer;
};

/** Every message that changes a policy: what it must look like, when it is refused, and what it does. */
const table = {
  rotateNow: message(guards.readRequest, refusalOfRequest, request),
  rotate: message(guards.readRequest, refusalOfRequest, request),
  pause: message(guards.readPause, noRefusal, (life, { reason }, { now }) => {
    life.state = after.afterPause(life.state, reason, now);
  }),
  resume: message(guards.readNothing, noRefusal, (life, _, { now }) => {
    life.state = after.afterResume(life.state, now);
  }),
  refresh: message(guards.readNothing, noRefusal, (life) => {
    life.refreshAsked = true;
  }),
  endPolicy: message(guards.readEnding, refusalOfRequest, (life, { mode }, { now }) => {
    life.state = after.afterEnding(life.state, mode, now);
  }),
  /** Taken in two parts: between them the worker checks the policy (`checkPolicy`), which may change it. */
  applyPolicy: message(guards.readPolicy, refusalOfPolicy, apply),
};

export type MessageName = keyof typeof table;

function message<Value, Answer>(
  read: Message<Value, Answer>['read'],
  refusal: Message<Value, Answer>['refusal'],
  take: Message<Value, Answer>['take'],
): Message<Value, Answer> {
  return { read, refusal, take };
}

export type Admitted<Value> = { value: Value } | { refused: KeyturnError; isUnderstood: boolean };

/** What the message says, or why it is not taken. Changes nothing and never throws, whatever `input` is. */
export function admit<Name extends MessageName>(life: Life, name: Name, input: unknown): Admitted<ValueOf<Name>> {
  const { read, refusal } = table[name] as unknown as Message<ValueOf<Name>, unknown>;
  const heard = input instanceof Unreadable ? input : read(input);
  if ('why' in heard) return { refused: fault('KEYTURN_MESSAGE_UNCLEAR', name, heard.why), isUnderstood: false };
  const refused = refusal(life.state, heard.value);
  return refused === null ? heard : { refused, isUnderstood: true };
}

/** Carries an admitted message out. */
export function take<Name extends MessageName>(
  life: Life,
  name: Name,
  value: ValueOf<Name>,
  moment: Moment,
): AnswerOf<Name> {
  const { take: carryOut } = table[name] as unknown as Message<ValueOf<Name>, AnswerOf<Name>>;
  return carryOut(life, value, moment);
}

type ValueOf<Name extends MessageName> = (typeof table)[Name] extends Message<infer Value, infer _> ? Value : never;
type AnswerOf<Name extends MessageName> = (typeof table)[Name] extends Message<infer _, infer Answer> ? Answer : never;

/** A signal has nobody to answer: what is not taken is returned for the log, and noted where it was not understood. */
export function hearSignal(life: Life, name: string, input: unknown, moment: Moment): KeyturnError | null {
  if (!isSignal(name)) {
    const called = oneLine(name.slice(0, longestName));
    return drop(life, called, fault('KEYTURN_MESSAGE_UNCLEAR', called, 'is no message that this worker knows'), moment);
  }
  const admitted = admit(life, name, input);
  if ('value' in admitted) {
    take(life, name, admitted.value as never, moment);
    return null;
  }
  const { refused, isUnderstood } = admitted;
  return isUnderstood ? refused : drop(life, name, refused, moment);
}

const longestName = 60;

function drop(life: Life, name: string, unclear: KeyturnError, { now }: Moment): KeyturnError {
  life.state = after.afterDropped(life.state, name, unclear.message, now);
  return unclear;
}

const signalNames = ['rotateNow', 'pause', 'resume', 'refresh'] as const;
export type SignalName = (typeof signalNames)[number];

function isSignal(name: string): name is SignalName {
  return (signalNames as readonly string[]).includes(name);
}

function request(life: Life, { requestId, reason, endGrace }: guards.ReadRequest, { now, newId }: Moment): Ticket {
  // Without an id each is a request of its own.
  const id = requestId ?? `unnamed-${newId()}`;
  const asked = { requestId: id, rotationId: newId(), reason, endGrace };
  life.state = after.afterRequest(life.state, asked, now);
  return ticketOf(life, id, now);
}

function ticketOf({ state, running }: Life, requestId: string, now: Instant): Ticket {
  const rotationId = state.requests.find((seen) => seen.requestId === requestId)?.rotationId ?? '';
  const waits = (waitsUntil: string | null, because: string) => ({ rotationId, waitsUntil, because });
  if (running !== null) return waits(null, 'a rotation is under way; this one follows it');
  const start = nextRotation(state, now);
  return start === null || isDue(start.at, now) ? waits(null, 'it starts now') : waits(start.at, start.because);
}

function apply(life: Life, policy: Policy, moment: Moment): Omit<Applied, 'liveKeys' | 'warnings'> {
  const { now, newId, plan, removed = 'leave' } = moment;
  const before = life.state.policy;
  life.state = after.afterApply(life.state, policy, now, newId(), {
    underWay: life.running?.reason ?? null,
    plan: plan ?? null,
    removed,
  });
  if (before !== null) return { created: false, changed: changedFields(before, policy), rotationId: null };
  return { created: true, changed: [], rotationId: life.state.pending?.rotationId ?? null };
}

function noRefusal(): null {
  return null;
}

function refusalOfRequest(state: PolicyState): KeyturnError | null {
  if (state.policy === null) return fault('KEYTURN_POLICY_UNKNOWN', state.name, []);
  return state.ending === null ? null : fault('KEYTURN_POLICY_ENDING', state.name);
}

function refusalOfPolicy(state: PolicyState, policy: Policy): KeyturnError | null {
  if (state.ending !== null) return fault('KEYTURN_POLICY_ENDING', state.name);
  const change = fixedFieldChange(state.policy ?? { ...policy, name: state.name }, policy);
  return change === null ? null : fault('KEYTURN_POLICY_FIXED', change.field, change.held, change.asked);
}
