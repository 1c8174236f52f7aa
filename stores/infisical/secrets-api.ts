import { fault } from '../../errors/keyturn-error.ts';
import type { Secret } from '../../secrets/secret.ts';
import { InDoubt, type Sending } from '../driver.ts';
import {
  isDone,
  isReply,
  isRouteMissing,
  isTokenAccepted,
  isTokenRefused,
  isTokenUsedUp,
  refusalIn,
} from './answer.ts';
import { type Asked, changeFailed, isAbsent, readingFailed } from './classify.ts';
import type { Http, HttpRequest, NoReply, Reply } from './http.ts';
import { type Found, Masked, type Place, type Sent, secretIn, sentIn } from './secret-answer.ts';
import type { Session } from './session.ts';

/** Single requests about the secrets of one folder. */
export type SecretsApi = {
  /** As it stands, references and imports left alone. null: there is none. @param version a former one */
  get(name: string, asked: Asked, version?: number): Promise<Found | null>;
  /** The same, answered as it came. `withValue` false: without asking for the value. */
  ask(name: string, withValue: boolean, version?: number): Promise<Reply | NoReply>;
  create(name: string, value: string, comment: string, asked: Asked, sending: Sending): Promise<Sent>;
  /** Of the value alone: a field that is left out is kept (facts §3). */
  update(name: string, value: string, asked: Asked, sending: Sending): Promise<Sent>;
  destroy(name: string, asked: Asked, sending: Sending): Promise<Sent>;
  /** A request that is not about secrets. */
  askFor(path: string): Promise<Reply | NoReply>;
  close(): Promise<void>;
};

type Generation = { path: string; project: string; imports: string };
const v4: Generation = { path: '/api/v4/secrets', project: 'projectId', imports: 'includeImports' };
const v3: Generation = { path: '/api/v3/secrets/raw', project: 'workspaceId', imports: 'include_imports' };

export function secretsApi(http: Http, session: Session, place: Place): SecretsApi {
  /** The newest that the server has, as far as is known. */
  let generation = v4;
  const where = ({ project }: Generation) => ({
    [project]: place.project,
    environment: place.environment,
    secretPath: place.path,
    type: 'shared',
  });
  const pathOf = ({ path }: Generation, name: string) => `${path}/${encodeURIComponent(name)}`;

  async function send(request: HttpRequest, token: Secret): Promise<Reply | NoReply> {
    const outcome = await http.send(request, token);
    if (isReply(outcome) && isTokenAccepted(outcome)) session.accepted(token);
    return outcome;
  }

  /** A token that has just ended is found out by being refused: then once more, with another. */
  async function read(request: () => HttpRequest): Promise<Reply | NoReply> {
    const token = await session.token();
    const outcome = await send(request(), token);
    if (!isReply(outcome) || !isTokenRefused(outcome)) return outcome;
    const other = await session.otherThan(token, isTokenUsedUp(outcome));
    return other === null ? outcome : send(request(), other);
  }

  async function ask(name: string, withValue: boolean, version?: number): Promise<Reply | NoReply> {
    const askAs = (as: Generation) =>
      read(() => ({
        method: 'GET',
        path: pathOf(as, name),
        query: {
          ...where(as),
          viewSecretValue: String(withValue),
          // Each has another default in each version (facts §1); an imported or expanded value is not what stands here.
          expandSecretReferences: 'false',
          [as.imports]: 'false',
          ...(version === undefined ? {} : { version: String(version) }),
        },
      }));
    const asked = generation;
    const outcome = await askAs(asked);
    if (!isReply(outcome) || !isRouteMissing(outcome)) return outcome;
    // Servers are brought up to date, and back, while workers run.
    const other = asked === v4 ? v3 : v4;
    const answer = await askAs(other);
    if (isReply(answer) && (isDone(answer) || refusalIn(answer) !== null)) generation = other;
    return answer;
  }

  async function change(method: HttpRequest['method'], name: string, more: object, asked: Asked, sending: Sending) {
    const request: HttpRequest = { method, path: pathOf(generation, name), body: { ...where(generation), ...more } };
    const sendIt = (token: Secret) => {
      sending.mayBeSent();
      return send(request, token);
    };
    const token = await session.token();
    let outcome = await sendIt(token);
    // Who it is comes first: a request that Infisical itself refuses for its token has done nothing.
    if (isReply(outcome) && isTokenRefused(outcome) && refusalIn(outcome) !== null) {
      const other = await session.otherThan(token, isTokenUsedUp(outcome));
      if (other !== null) outcome = await sendIt(other);
    }
    if (!isDone(outcome)) throw changeFailed(outcome, asked);
    const sent = sentIn(outcome.json);
    if (sent === null) throw new InDoubt('its answer is not one of Infisical');
    return sent;
  }

  return {
    ask,
    async get(name, asked, version) {
      const outcome = await ask(name, true, version);
      if (isAbsent(outcome)) return null;
      if (!isDone(outcome)) throw readingFailed(outcome, asked);
      try {
        return secretIn(outcome.json, name, place, asked);
      } catch (error) {
        if (!(error instanceof Masked)) throw error;
        throw fault('KEYTURN_STORE_REFUSED', asked.store, asked.place, masked);
      }
    },
    create: (name, value, comment, asked, sending) =>
      change('POST', name, { secretValue: value, secretComment: comment }, asked, sending),
    update: (name, value, asked, sending) => change('PATCH', name, { secretValue: value }, asked, sending),
    destroy: (name, asked, sending) => change('DELETE', name, {}, asked, sending),
    askFor: (path) => read(() => ({ method: 'GET', path })),
    close: () => http.close(),
  };
}

const masked = 'Infisical hides its value; it takes the right to readValue on secrets';
