import { needMembership } from './access.ts';
import { type Answer, routeMissing } from './answers.ts';
import { getRequest } from './change-requests.ts';
import { createFolder, listFolders } from './folders.ts';
import { identityOf, login, renew, revoke } from './login.ts';
import { getSecret, getSecretById, listSecrets } from './reads.ts';
import type { SecretCall } from './request-fields.ts';
import { deleteRotation, patchRotation } from './rotations.ts';
import { changeBatch, createSecret, deleteSecret, patchSecret } from './secrets.ts';
import type { Identity, World } from './world.ts';

export type Visit = {
  method: string;
  path: string;
  query: Record<string, string>;
  body: Record<string, unknown>;
  isTooLarge: boolean;
};

const logins: Record<string, (world: World, body: Record<string, unknown>) => Answer> = {
  '/api/v1/auth/universal-auth/login': login,
  '/api/v1/auth/token/renew': renew,
  '/api/v1/auth/token/revoke': revoke,
};

/** @throws Refused */
export function route(world: World, visit: Visit, authorization: string | undefined): Answer {
  const { method, path } = visit;
  const answer = method === 'POST' ? logins[path] : undefined;
  if (answer !== undefined) return answer(world, visit.body);
  const found = routeOf(world, visit);
  if (found === null) return routeMissing(method, path);
  const identity = identityOf(world, authorization);
  needMembership(identity);
  return found(identity);
}

function routeOf(world: World, visit: Visit): ((identity: Identity) => Answer) | null {
  const { method, path, query, body } = visit;
  const approval = /^\/api\/v1\/secret-approval-requests\/([^/]+)$/.exec(path)?.[1];
  if (approval !== undefined && method === 'GET') return () => getRequest(world, approval, path);
  const rotation = /^\/api\/v2\/secret-rotations\/open-router-api-key\/([^/]+)$/.exec(path)?.[1];
  if (rotation !== undefined && method === 'DELETE') return () => deleteRotation(world, rotation, query);
  if (rotation !== undefined && method === 'PATCH') return () => patchRotation(world, rotation, body);
  if (/^\/api\/v[12]\/folders$/.test(path)) {
    return method === 'POST' ? () => createFolder(world, body) : () => listFolders(world, query);
  }
  return secretRoute(world, visit);
}

function secretRoute(world: World, { method, path, query, body }: Visit): ((identity: Identity) => Answer) | null {
  const parts = /^\/api\/(v4\/secrets|v3\/secrets(?:\/batch)?\/raw)(?:\/(id\/[^/]+|[^/]+))?$/.exec(path);
  if (parts === null) return null;
  const generation = path.startsWith('/api/v4') ? 'v4' : 'v3';
  if (!world.settings.generations.has(generation)) return null;
  const isBatch = parts[1] === 'v3/secrets/batch/raw' || (generation === 'v4' && parts[2] === 'batch');
  const name = decodeURIComponent(parts[2] ?? '').trim();
  const fields = method === 'GET' ? query : body;
  const call = (identity: Identity): SecretCall => ({ generation, identity, name, fields });
  if (isBatch) return method === 'GET' ? null : (identity) => changeBatch(world, call(identity), method);
  if (method === 'GET' && name === '') return (identity) => listSecrets(world, call(identity));
  if (name === '') return null;
  if (method === 'GET' && parts[2]?.startsWith('id/')) {
    return (identity) => getSecretById(world, { ...call(identity), name: name.slice(3) });
  }
  const answers: Record<string, typeof getSecret> = {
    GET: getSecret,
    POST: createSecret,
    PATCH: patchSecret,
    DELETE: deleteSecret,
  };
  const answer = answers[method];
  return answer === undefined ? null : (identity) => answer(world, call(identity));
}
