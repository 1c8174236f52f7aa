import { z } from 'zod';

/** What an injection can be put on; each is a request or two of the API. */
export const operations = [
  'createKey',
  'listKeys',
  'getKey',
  'patchKey',
  'deleteKey',
  'currentKey',
  'credits',
  'workspaces',
  'chat',
] as const;

export type Operation = (typeof operations)[number];

const ms = z.number().nonnegative();

const placed = {
  on: z.enum([...operations, 'any']),
  /**
   * `before`: nothing has happened yet. `after`: the operation took effect; only requests that succeeded count, one
   * that was refused has nothing to spoil.
   */
  when: z.enum(['before', 'after']),
  /** How many requests it hits. Default 1. */
  times: z.union([z.int().positive(), z.literal('forever')]).default(1),
  /** How many requests it lets pass first. Default 0. */
  skip: z.int().nonnegative().default(0),
};

const after = z.literal('after', 'This kind spoils an answer, so it can only be after');
const before = z.literal('before', 'This kind commits later by itself, so it can only be before');

/** Every kind of injection, with what it needs. Times are real time. */
export const injectionRuleSchema = z.discriminatedUnion('kind', [
  /** An error answer in the envelope, with `Retry-After` if given (seconds). */
  z.strictObject({
    ...placed,
    kind: z.literal('status'),
    status: z.int().min(300).max(599),
    retryAfter: z.int().nonnegative().optional(),
    message: z.string().optional(),
  }),
  /** The connection is reset. */
  z.strictObject({ ...placed, kind: z.literal('reset') }),
  /** No answer until released; a client that goes away first is not served. */
  z.strictObject({ ...placed, kind: z.literal('hang') }),
  /** The true answer, after a while. The operation goes on even if the client does not wait. */
  z.strictObject({ ...placed, kind: z.literal('slow'), ms }),
  /** Reset at once, yet the request arrives: it takes effect after `ms`, without it when released. */
  z.strictObject({ ...placed, when: before, kind: z.literal('late'), ms: ms.optional() }),
  /** The first half of the body, then the connection is reset. */
  z.strictObject({ ...placed, when: after, kind: z.literal('truncated') }),
  /** A page of the edge instead of JSON. Default status: 502 before, that of the true answer after. */
  z.strictObject({ ...placed, kind: z.literal('html'), status: z.int().min(200).max(599).optional() }),
  /** Named JSON, and is not. Default status: 200 before, that of the true answer after. */
  z.strictObject({ ...placed, kind: z.literal('invalid-json'), status: z.int().min(200).max(599).optional() }),
  /** The true answer without `data.hash`. */
  z.strictObject({ ...placed, when: after, kind: z.literal('no-hash') }),
  /** 200 with an error in the body, as chat answers when a provider fails (facts §6). */
  z.strictObject({ ...placed, kind: z.literal('provider-error') }),
]);

/** A rule as it is given. */
export type InjectionRuleInput = z.input<typeof injectionRuleSchema>;
/** A rule with its defaults filled in. */
export type InjectionRule = z.output<typeof injectionRuleSchema>;
