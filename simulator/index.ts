import Fastify from 'fastify';
import { createAccessLog, type LogLine } from './access-log.ts';
import { Account } from './account.ts';
import { envelope } from './api-error.ts';
import { apiRoutes, type Operations } from './api-routes.ts';
import { SimulatedClock } from './clock.ts';
import { type Control, createControl } from './control.ts';
import { controlRoutes } from './control-routes.ts';
import { createCredentials } from './credentials.ts';
import { type Call, exchange } from './exchange.ts';
import { Injections } from './injections.ts';
import { isSecret, mintSecret } from './key-secret.ts';
import { chatOperation } from './operations/chat.ts';
import { creditsOperation } from './operations/credits.ts';
import { currentKeyOperation } from './operations/current-key.ts';
import { keyOperations } from './operations/keys.ts';
import { workspacesOperation } from './operations/workspaces.ts';
import { Outage } from './outage.ts';
import { openPost } from './post-log.ts';
import { createRateLimit } from './rate-limit.ts';
import { defaultSettings } from './settings.ts';
import { loadState, saveState } from './state-file.ts';

export type { LogLine } from './access-log.ts';
export type { Control } from './control.ts';
export type { InjectionRuleInput as InjectionRule, Operation } from './injection-rule.ts';
export type { Injection, InjectionStatus } from './injections.ts';
export type { Ledger, LedgerKey } from './ledger.ts';
export type { Post } from './post-log.ts';

export type SimulatorOptions = {
  /** Default 0: a free one. */
  port?: number;
  /** Default 127.0.0.1: the control endpoint asks nobody who they are. */
  host?: string;
  /** Where the account outlives the process: digests only, never a secret. Written whole after each change. */
  stateFile?: string;
  /** A management key to accept, `sk-or-v1-` and 64 hex digits. Default: a fresh one each start. */
  managementKey?: string;
  /** Gets a line for each request to the API. */
  log?: (line: LogLine) => void;
  /** Gets the secret of each key that is made: for a test that looks whether it is anywhere else. Nothing keeps it here. */
  issued?: (secret: string) => void;
};

export type Simulator = {
  /** Base URL of the API: `http://127.0.0.1:PORT/api/v1`. */
  url: string;
  /** Base URL of the control endpoint, apart from the API. */
  controlUrl: string;
  /** Shown only here: the state file has its digest. */
  managementKey: string;
  /** The control endpoint's functions, in process. */
  control: Control;
  /** Ends hanging connections and drops late requests too. */
  close(): Promise<void>;
};

/**
 * Starts a stand-in for OpenRouter: keys, GET /key, credits, workspaces and chat, as awkward as the real thing.
 * What it answers is in docs/simulator.md.
 *
 * @throws Error when the port is taken, the state file is damaged, or the management key is none
 */
export async function startSimulator(options: SimulatorOptions = {}): Promise<Simulator> {
  const { port = 0, host = '127.0.0.1', stateFile, managementKey = mintSecret(), log, issued } = options;
  if (!isSecret(managementKey)) throw new Error('A management key is sk-or-v1- and 64 hex digits.');

  const saved = stateFile === undefined ? null : loadState(stateFile);
  const clock = new SimulatedClock(saved?.clock);
  const settings = defaultSettings();
  const account = new Account(clock, settings, saved?.account);
  account.acceptManagementKey(managementKey);
  const injections = new Injections();
  const outage = new Outage(clock);
  const credentials = createCredentials(account, settings, outage, clock);
  const rateLimit = createRateLimit(settings);
  const closing = new AbortController();
  const watch = createAccessLog(clock, log);
  let closed = false;

  function save(): void {
    if (stateFile !== undefined && !closed) saveState(stateFile, { account: account.state, clock: clock.state() });
  }

  function manage({ authorization }: Call): void {
    rateLimit.check();
    credentials.management(authorization);
  }

  const operations: Operations = {
    ...keyOperations(account, clock, manage, issued),
    currentKey: currentKeyOperation(account, clock, credentials),
    credits: creditsOperation(account, settings, credentials, manage),
    workspaces: workspacesOperation(account, manage),
    chat: chatOperation(account, settings, clock, credentials),
  };
  const tools = {
    injections,
    openPost: (body: string) => openPost(account.state.posts, clock.stamp(), body),
    save,
    watch,
    closing: closing.signal,
  };
  const control = createControl({ account, clock, injections, outage, settings, save });

  const app = Fastify({ forceCloseConnections: true });
  app.removeAllContentTypeParsers();
  // Operations read their own body, so that an injection comes first and a DELETE may name a content type and have none.
  app.addContentTypeParser('*', { parseAs: 'string' }, (_request, body, done) => done(null, body));
  app.setNotFoundHandler(async (request, reply) => {
    watch(request, reply, null);
    return reply.code(404).send(envelope({ status: 404, message: 'Not Found' }));
  });
  await app.register(
    apiRoutes((operation) => exchange(operation, operations[operation], tools)),
    { prefix: '/api/v1' },
  );
  await app.register(controlRoutes(control, closing.signal), { prefix: '/control' });
  const origin = await app.listen({ port, host });
  save();

  return {
    url: `${origin}/api/v1`,
    controlUrl: `${origin}/control`,
    managementKey,
    control,
    async close() {
      closing.abort();
      await app.close();
      save();
      closed = true;
    },
  };
}
