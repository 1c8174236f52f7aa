import type { Dispatcher } from 'undici';
import { fault } from '../errors/keyturn-error.ts';
import type { Secret } from '../secrets/secret.ts';
import { createKey } from './create-key.ts';
import { createHttp } from './http.ts';
import { listKeys } from './list-keys.ts';
import type { ManagementApi } from './management-api.ts';
import { createRequests } from './management-request.ts';
import { scanToEmptyPage } from './scan.ts';
import { creditsAnswer, currentKeyAnswer, deletedAnswer, keyAnswer, workspacesAnswer } from './schemas.ts';
import { noTurns, type Turns } from './turns.ts';

export const defaultBaseUrl = 'https://openrouter.ai/api/v1';

export type ManagementClientOptions = {
  /** The connection's name, for the texts of errors. */
  connection: string;
  /** Default: OpenRouter's only documented host for management (facts §1). */
  baseUrl?: string;
  managementKey: Secret;
  /** When a request may leave. Default: at once. */
  turns?: Turns;
  /**
   * For one request, from connecting to the last byte. Default 30,000: far beyond what a healthy call takes, because a
   * create given up too early costs minutes of looking for its key.
   */
  timeoutMs?: number;
  /** Another way to send, a proxy for example. It must never retry; who passes it closes it. */
  dispatcher?: Dispatcher;
};

/** `close` waits for requests under way; none is sent any more. */
export type ManagementClient = ManagementApi & { close(): Promise<void> };

/**
 * OpenRouter's management API over HTTP for one connection.
 *
 * Besides the errors that `ManagementApi` names:
 * @throws KEYTURN_USAGE at once: `baseUrl` is not an http or https URL
 */
export function createManagementClient(options: ManagementClientOptions): ManagementClient {
  const { connection, managementKey, turns = noTurns, timeoutMs = 30_000, dispatcher } = options;
  const http = createHttp({
    baseUrl: checkedBaseUrl(connection, options.baseUrl ?? defaultBaseUrl),
    timeoutMs,
    ...(dispatcher === undefined ? {} : { dispatcher }),
  });
  const requests = createRequests({ connection, managementKey, http, turns });

  return {
    createKey: (wanted) => createKey(requests, wanted),

    listKeys: (workspace) => listKeys(requests, workspace),

    getKey: async (hash) =>
      requests.askOrAbsent({ operation: 'getKey', method: 'GET', path: keyPath(hash), hash }, keyAnswer),

    patchKey: async (hash, changes) =>
      requests.ask({ operation: 'patchKey', method: 'PATCH', path: keyPath(hash), hash, body: changes }, keyAnswer),

    deleteKey: async (hash) => {
      const request = { operation: 'deleteKey', method: 'DELETE', path: keyPath(hash), hash } as const;
      return (await requests.askOrAbsent(request, deletedAnswer)) === null ? 'absent' : 'deleted';
    },

    currentKey: (secret) =>
      requests.ask({ operation: 'currentKey', method: 'GET', path: '/key', bearer: secret }, currentKeyAnswer),

    credits: () => requests.ask({ operation: 'credits', method: 'GET', path: '/credits' }, creditsAnswer),

    workspaces: async () => {
      const workspaces = await scanToEmptyPage(
        (offset) =>
          requests.ask(
            { operation: 'workspaces', method: 'GET', path: `/workspaces?limit=100&offset=${offset}` },
            workspacesAnswer,
          ),
        (workspace) => workspace.id,
      );
      if (workspaces === null) {
        throw fault('KEYTURN_OPENROUTER_UNAVAILABLE', 'list workspaces', 'the list has no end');
      }
      return workspaces;
    },

    close: () => http.close(),
  };
}

/** A hash stands in the path of DELETE: nothing that could make it another path may pass. */
function keyPath(hash: string): string {
  if (!/^[\w-]+$/.test(hash)) throw fault('KEYTURN_INTERNAL', 'a key hash that cannot stand in a path');
  return `/keys/${hash}`;
}

/** The URL is not quoted: a password may stand in it. */
function checkedBaseUrl(connection: string, baseUrl: string): string {
  if (!URL.canParse(baseUrl) || !/^https?:/i.test(baseUrl)) {
    throw fault('KEYTURN_USAGE', `The OpenRouter address of connection "${connection}" is not an http or https URL.`);
  }
  return baseUrl.replace(/\/+$/, '');
}
