import { fault } from '../../errors/keyturn-error.ts';
import type { Secret } from '../../secrets/secret.ts';
import { InDoubt, type Sending } from '../driver.ts';
import { isDone, isReply, isRouteMissing, isTokenRefused, refusalIn } from './answer.ts';
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
  /** The newest that the server has; asked once. */
  let generation = v4;
  const where = () => ({
    [generation.project]: place.project,
    environment: place.environment,
    secretPath: place.path,
    type: 'shared',
  });
  const pathOf = (name: string) => `${generation.path}/${encodeURIComponent(name)}`;

  /** A token that has just ended is found out by being refused: then once more, with another. */
  async function read(request: () => HttpRequest): Promise<Reply | NoReply> {
    const token = await session.token();
    const outcome = await http.send(request(), token);
    if (!isReply(outcome) || !isTokenRefused(outcome)) return outcome;
    const other = await session.otherThan(token);
    return other === null ? outcome : http.send(request(), other);
  }

  async function ask(name: string, withValue: boolean, version?: number): Promise<Reply | NoReply> {
    const request = (): HttpRequest => ({
      method: 'GET',
      path: pathOf(name),
      query: {
        ...where(),
        viewSecretValue: String(withValue),
        // Each has another default in each version (facts §1); an imported or expanded value is not what stands here.
        expandSecretReferences: 'false',
        [generation.imports]: 'false',
        ...(version === undefined ? {} : { version: String(version) }),
      },
    });
    const outcome = await read(request);
    if (generation === v3 || !isReply(outcome) || !isRouteMissing(outcome)) return outcome;
    generation = v3;
    return read(request);
  }

  async function change(method: HttpRequest['method'], name: string, more: object, asked: Asked, sending: Sending) {
    const request: HttpRequest = { method, path: pathOf(name), body: { ...where(), ...more } };
    const send = (token: Secret) => {
      sending.mayBeSent();
      return http.send(request, token);
    };
    const token = await session.token();
    let outcome = await send(token);
    // Who it is comes first: a request that Infisical itself refuses for its token has done nothing.
    if (isReply(outcome) && isTokenRefused(outcome) && refusalIn(outcome) !== null) {
      const other = await session.otherThan(token);
      if (other !== null) outcome = await send(other);
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
