import { randomUUID } from 'node:crypto';
import type { Policy } from '../policy/declared/policy.ts';
import type { EndingMode, Happening } from '../policy/life/state.ts';
import type { PolicyStatus } from '../policy/life/status.ts';
import * as messages from '../workflows/messages.ts';
import { applyPolicy } from './apply-policy.ts';
import { query, update } from './ask.ts';
import {
  checkApply,
  checkCount,
  checkEnding,
  checkName,
  checkPause,
  checkRotate,
  checkRotationId,
} from './check-arguments.ts';
import { type ListedPolicy, listPolicies } from './list-policies.ts';
import type { ApplyOptions, RotateOptions } from './options.ts';
import { type PolicyInput, readPolicyInput } from './policy-input.ts';
import { policyStatus } from './policy-status.ts';
import { signal } from './signal.ts';
import { type ConnectOptions, connectTemporal } from './temporal.ts';
import { type Upcoming, upcoming } from './upcoming.ts';
import { type RotationProgress, waitFor } from './wait-for.ts';

/**
 * Keyturn, over a connection to Temporal. Everything that asks a policy throws KEYTURN_POLICY_UNKNOWN (with the names
 * that are known), KEYTURN_NO_WORKER or KEYTURN_WORKER_SILENT (never hangs), and what every request throws:
 * KEYTURN_TEMPORAL_UNREACHABLE, KEYTURN_TEMPORAL_REFUSED, KEYTURN_NAMESPACE_UNKNOWN, KEYTURN_NOT_SET_UP. What is given
 * is checked before anything is sent: KEYTURN_USAGE, KEYTURN_TEXT_TOO_LONG.
 */
export type Keyturn = {
  /** Where Temporal is, host and port. */
  readonly address: string;
  readonly namespace: string;

  /**
   * Creates the policy, and with it its first key; or updates it, which takes effect with the next rotation.
   * `rotationId` is the first key's rotation; null for an update.
   *
   * @throws KEYTURN_POLICY_INVALID, KEYTURN_POLICY_FIXED, KEYTURN_POLICY_ENDING, KEYTURN_CONNECTION_UNKNOWN,
   * KEYTURN_STORE_UNKNOWN, KEYTURN_SECRET_OWNED, KEYTURN_LIVE_KEYS
   */
  apply(policy: PolicyInput, options?: ApplyOptions): Promise<messages.Applied>;
  /** As `apply`, for a policy that was read from a file already. */
  applyRead(policy: Policy, options?: ApplyOptions): Promise<messages.Applied>;
  /** Asks for a rotation. The ticket names it; several requests that wait are one. @throws KEYTURN_POLICY_ENDING */
  rotate(policy: string, options: RotateOptions): Promise<messages.Ticket>;
  /** The same without an answer, and without a worker: Temporal keeps the request until one comes. */
  rotateNow(policy: string, options: RotateOptions): Promise<void>;
  /** Stops the very next scheduled run; a rotation that is under way ends. Needs no worker. */
  pause(policy: string, options?: { reason?: string }): Promise<void>;
  /** A run that the pause stopped is not made up for. Needs no worker. */
  resume(policy: string): Promise<void>;
  /**
   * What Temporal keeps of the policy is written anew, with the active key of the keyring: its run ends at once, or with
   * the rotation that is under way, and another one goes on with the same state. No key is made. Needs no worker.
   */
  refresh(policy: string): Promise<void>;
  status(policy: string): Promise<PolicyStatus>;
  /** What happened, oldest first: the last 30, at most 7 published keys and 4 revocations among them. */
  history(policy: string): Promise<Happening[]>;
  /** The next `count` (≥ 1) scheduled runs. */
  next(policy: string, count: number): Promise<Upcoming>;
  /** Every policy. Needs no worker. */
  list(): Promise<ListedPolicy[]>;
  /**
   * Ends the policy. `detach`: keys and secrets stay. `retire`: after the grace the secret leaves the stores, then the
   * keys go after their quarantine. `destroy`: everything goes at once. Answers when it has begun.
   */
  delete(policy: string, mode: EndingMode): Promise<void>;
  /**
   * How a rotation stands, after each change, until it is published or undone; or until `signal` is aborted, which
   * throws its reason. A worker that dies meanwhile is waited for, for a minute. @throws KEYTURN_ROTATION_UNKNOWN
   */
  waitFor(policy: string, rotationId: string, signal?: AbortSignal): AsyncGenerator<RotationProgress, void, void>;
  /** Not before everything that was asked has been answered. */
  close(): Promise<void>;
};

/**
 * Connects to Temporal: TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, profiles, mTLS and API keys, as Temporal's own tools do.
 *
 * @throws KEYTURN_TEMPORAL_UNREACHABLE after `connectTimeoutMs`, KEYTURN_TEMPORAL_REFUSED, KEYTURN_TEMPORAL_CONFIG
 */
export async function connect(options: ConnectOptions = {}): Promise<Keyturn> {
  const temporal = await connectTemporal(options);
  return {
    address: temporal.address,
    namespace: temporal.namespace,
    apply: async (policy, given) => applyPolicy(temporal, readPolicyInput(policy), checkApply(given)),
    applyRead: async (policy, given) => applyPolicy(temporal, policy, checkApply(given)),
    async rotate(policy, given) {
      const argument = requestFrom(given);
      return update(temporal, checkName(policy), messages.rotate, { id: argument.requestId, argument });
    },
    rotateNow: async (policy, given) => signal(temporal, checkName(policy), messages.rotateNow, requestFrom(given)),
    pause: async (policy, given) => signal(temporal, checkName(policy), messages.pause, checkPause(given)),
    resume: async (policy) => signal(temporal, checkName(policy), messages.resume),
    refresh: async (policy) => signal(temporal, checkName(policy), messages.refresh),
    status: async (policy) => policyStatus(temporal, checkName(policy)),
    history: async (policy) => query(temporal, checkName(policy), messages.history),
    next: async (policy, count) => upcoming(temporal, checkName(policy), checkCount(count)),
    list: () => listPolicies(temporal),
    async delete(policy, given) {
      const mode = checkEnding(given);
      const argument = { id: `end-${randomUUID()}`, argument: { mode } };
      await update(temporal, checkName(policy), messages.endPolicy, argument);
    },
    waitFor: (policy, rotationId, abort) => waitFor(temporal, checkName(policy), checkRotationId(rotationId), abort),
    close: () => temporal.connection.close(),
  };
}

function requestFrom(given: unknown): messages.RotateRequest {
  const { reason, requestId = randomUUID(), endGrace = false } = checkRotate(given);
  return { requestId, reason, endGrace };
}
