import { setTimeout as sleep } from 'node:timers/promises';
import { type Connection, isGrpcServiceError } from '@temporalio/client';
import type { SearchAttributeType } from '@temporalio/common';
import { fault } from '../errors/keyturn-error.ts';

/** In the order of the server's enum `temporal.api.enums.v1.IndexedValueType`, whose 0 stands for none. */
const TYPES = ['UNSPECIFIED', 'TEXT', 'KEYWORD', 'INT', 'DOUBLE', 'BOOL', 'DATETIME', 'KEYWORD_LIST'] as const;

/** gRPC status codes that are answers here, not failures. */
const NOT_FOUND = 5;
const ALREADY_EXISTS = 6;
const UNIMPLEMENTED = 12;

/** On a cluster, frontends learn of a new search attribute only when they next read the namespace: 10 to 60 s later. */
const USABLE_TIMEOUT_MS = 90_000;
/** They read all namespaces anew every 10 s or more often. */
const KNOWN_TIMEOUT_MS = 30_000;
const POLL_MS = 200;

export type SetupOptions = {
  /** Search attributes that the workflows set, by name. */
  searchAttributes: Readonly<Record<string, SearchAttributeType>>;
};

/** What `setupNamespace` found and did, for a person to read. */
export type SetupResult = { registered: string[]; alreadyThere: string[] };

/**
 * Prepares a namespace for Keyturn: checks that it exists and registers the search attributes it lacks, then waits
 * until they can be used. Doing it again changes nothing. It never makes a namespace: its retention is the operator's choice.
 *
 * @throws KEYTURN_NAMESPACE_UNKNOWN
 * @throws KEYTURN_SEARCH_ATTRIBUTE_CLASH one is there with another type; the server would say nothing and keep the old one
 * @throws KEYTURN_SETUP_REFUSED the server refuses to register them, or does not make them usable in time
 */
export async function setupNamespace(
  connection: Connection,
  namespace: string,
  { searchAttributes }: SetupOptions,
): Promise<SetupResult> {
  const there = await registeredTypes(connection, namespace);
  const wanted = Object.entries(searchAttributes);
  for (const [name, type] of wanted) {
    const is = there[name];
    if (is !== undefined && is !== TYPES.indexOf(type)) {
      throw fault('KEYTURN_SEARCH_ATTRIBUTE_CLASH', name, TYPES[is] ?? `type ${is}`, type);
    }
  }

  const lacking = wanted.filter(([name]) => !(name in there));
  for (const [name, type] of lacking) await register(connection, namespace, name, type);
  await untilUsable(connection, namespace, Object.keys(searchAttributes));
  const registered = lacking.map(([name]) => name);
  return { registered, alreadyThere: Object.keys(searchAttributes).filter((name) => !registered.includes(name)) };
}

async function registeredTypes(connection: Connection, namespace: string): Promise<Record<string, number>> {
  try {
    await connection.workflowService.describeNamespace({ namespace });
  } catch (error) {
    if (codeOf(error) === NOT_FOUND) throw fault('KEYTURN_NAMESPACE_UNKNOWN', namespace);
    throw error;
  }
  try {
    const listed = await onceKnown(() => connection.operatorService.listSearchAttributes({ namespace }));
    return listed.customAttributes;
  } catch (error) {
    // The time-skipping test server registers search attributes but does not list them.
    if (codeOf(error) === UNIMPLEMENTED) return {};
    throw refused(error, 'its search attributes cannot be listed');
  }
}

async function register(connection: Connection, namespace: string, name: string, type: SearchAttributeType) {
  try {
    const searchAttributes = { [name]: TYPES.indexOf(type) };
    await onceKnown(() => connection.operatorService.addSearchAttributes({ namespace, searchAttributes }));
  } catch (error) {
    if (codeOf(error) === ALREADY_EXISTS) return;
    throw refused(error, `search attribute ${name} (${type}) cannot be registered`);
  }
}

/** A namespace that is there may be unknown to a frontend for some seconds after it was made. */
function onceKnown<Answer>(ask: () => Promise<Answer>): Promise<Answer> {
  return askAgain(ask, { while: (code) => code === NOT_FOUND, forMs: KNOWN_TIMEOUT_MS });
}

/** Asks a question with every attribute in it: the server refuses the question for as long as it does not know one. */
async function untilUsable(connection: Connection, namespace: string, names: string[]): Promise<void> {
  const query = names.map((name) => `${name} IS NULL`).join(' AND ');
  try {
    const count = () => connection.workflowService.countWorkflowExecutions({ namespace, query });
    await askAgain(count, { while: (code) => code !== UNIMPLEMENTED, forMs: USABLE_TIMEOUT_MS });
  } catch (error) {
    if (codeOf(error) === UNIMPLEMENTED) return;
    throw refused(error, 'the search attributes are registered but cannot be used');
  }
}

async function askAgain<Answer>(
  ask: () => Promise<Answer>,
  passing: { while: (code: number | undefined) => boolean; forMs: number },
): Promise<Answer> {
  const giveUp = Date.now() + passing.forMs;
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (!passing.while(codeOf(error)) || Date.now() > giveUp) throw error;
      await sleep(POLL_MS);
    }
  }
}

function codeOf(error: unknown): number | undefined {
  return isGrpcServiceError(error) ? error.code : undefined;
}

function refused(error: unknown, what: string) {
  const why = isGrpcServiceError(error) ? error.details : String(error);
  return fault('KEYTURN_SETUP_REFUSED', what, why.replace(/\.$/, ''));
}
