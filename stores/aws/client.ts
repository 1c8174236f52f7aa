import { fault, KeyturnError } from '../../errors/keyturn-error.ts';
import type { Sending } from '../driver.ts';
import type { StoreContext } from '../kind.ts';
import { requestTimeoutMs } from '../promises.ts';
import { type Failed, failedWith } from './answer.ts';
import { type Asked, classify, isNotAccepted, type Particular } from './classify.ts';
import type { DeclaredAws } from './declaration.ts';

type Keys = { accessKeyId: string; secretAccessKey: string; sessionToken?: string; expiration: Date };

/** What a client of AWS's SDK is made with here. */
export type ClientSettings = {
  maxAttempts: 1;
  retryMode: 'standard';
  requestHandler: { connectionTimeout: number; requestTimeout: number; throwOnRequestTimeout: true };
  region?: string;
  endpoint?: string;
  profile?: string;
  credentials?: () => Promise<Keys>;
};

type AnyClient = { config: { region: () => Promise<string> }; destroy: () => void };
type SendOptions = { abortSignal: AbortSignal };
export type Send<Client, Answer> = (client: Client, options: SendOptions) => Promise<Answer>;

/** One service of AWS, asked once each time: no retries of the SDK, time-outs that are ours, errors rebuilt. */
export type Aws<Client> = {
  /**
   * What is there; null where AWS answers an error that is called `absent`.
   *
   * @throws KEYTURN_STORE_UNAVAILABLE, KEYTURN_STORE_REFUSED
   */
  find<Answer>(asked: Asked, absent: RegExp, send: Send<Client, Answer>): Promise<Answer | null>;
  /** `own`: what errors of this request alone mean. @throws Moved, InDoubt, and as `find` */
  change<Answer>(asked: Asked, sending: Sending, send: Send<Client, Answer>, own?: Particular): Promise<Answer>;
  /** What came of it, as it is: for questions whose refusal is an answer. */
  attempt<Answer>(send: Send<Client, Answer>): Promise<{ answer: Answer } | { failed: Failed }>;
  /** @throws KEYTURN_STORE_UNAVAILABLE none is set */
  region(): Promise<string>;
  close(): void;
};

export function openAws<Client extends AnyClient>(
  make: (settings: ClientSettings) => Client,
  declared: DeclaredAws,
  context: StoreContext,
  particular: Particular,
): Aws<Client> {
  let client: Client | undefined;
  const current = () => {
    client ??= make(settingsOf(declared, context));
    return client;
  };

  async function attempt<Answer>(send: Send<Client, Answer>) {
    await region();
    const used = current();
    try {
      // The SDK's own time-outs end when the head of an answer is there; this one covers its body, and the credentials.
      return { answer: await send(used, { abortSignal: AbortSignal.timeout(requestTimeoutMs) }) };
    } catch (error) {
      if (error instanceof KeyturnError) throw error;
      const failed = failedWith(error);
      // The SDK keeps credentials without an end for as long as the client lives; a file of them may have been replaced.
      if (isNotAccepted(failed) && client === used) client = undefined;
      return { failed };
    }
  }

  async function region(): Promise<string> {
    try {
      return await current().config.region();
    } catch {
      const why = 'it has no region; set region in keyturn.yaml, or AWS_REGION';
      throw fault('KEYTURN_STORE_UNAVAILABLE', context.name, why);
    }
  }

  return {
    async find(asked, absent, send) {
      const outcome = await attempt(send);
      if ('answer' in outcome) return outcome.answer;
      if (outcome.failed.isRefusal && absent.test(outcome.failed.name)) return null;
      throw classify(outcome.failed, asked, { changes: false, particular });
    },
    async change(asked, sending, send, own = {}) {
      sending.mayBeSent();
      const outcome = await attempt(send);
      if ('answer' in outcome) return outcome.answer;
      throw classify(outcome.failed, asked, { changes: true, particular: { ...particular, ...own } });
    },
    attempt,
    region,
    close: () => client?.destroy(),
  };
}

function settingsOf(declared: DeclaredAws, context: StoreContext): ClientSettings {
  const { region, endpoint, profile, accessKeyId, secretAccessKey, sessionToken } = declared;
  const settings: ClientSettings = {
    maxAttempts: 1,
    retryMode: 'standard',
    requestHandler: {
      connectionTimeout: requestTimeoutMs,
      requestTimeout: requestTimeoutMs,
      throwOnRequestTimeout: true,
    },
    ...(region === undefined ? {} : { region }),
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(profile === undefined ? {} : { profile }),
  };
  // Not among its types, and handed on to the reading of AWS's files: a replaced file is read anew by a new client.
  Object.assign(settings, { ignoreCache: true });
  if (accessKeyId === undefined || secretAccessKey === undefined) return settings;
  const credentials = async (): Promise<Keys> => {
    const [id, key, token] = await Promise.all([
      context.secret(accessKeyId),
      context.secret(secretAccessKey),
      sessionToken === undefined ? undefined : context.secret(sessionToken),
    ]);
    return {
      accessKeyId: id.reveal(),
      secretAccessKey: key.reveal(),
      ...(token === undefined ? {} : { sessionToken: token.reveal() }),
      // Over already: so that the SDK asks anew for each request, and keys that were rotated are picked up.
      expiration: new Date(0),
    };
  };
  return { ...settings, credentials };
}
