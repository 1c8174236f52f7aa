import { randomUUID } from 'node:crypto';
import { type Answer, Refused } from './answers.ts';
import { changed, made } from './changing.ts';
import { type ChangeRequest, type Held, place, type Where, type World } from './world.ts';

export function openRequest(world: World, at: Where, changes: Held[]) {
  const id = randomUUID();
  const slug = `change-${world.requests.size + 1}`;
  const request: ChangeRequest = { id, slug, status: 'open', hasMerged: false, at, changes };
  world.requests.set(id, request);
  return shown(request);
}

/** `GET /api/v1/secret-approval-requests/{id}`: of users only, in all code that is stored. */
export function getRequest(world: World, id: string, url: string): Answer {
  if (!world.settings.identitiesSeeRequests) {
    throw new Refused(403, `Forbidden access to ${url}`, 'You are not allowed to access this resource');
  }
  const request = world.requests.get(id);
  if (request === undefined)
    throw new Refused(404, 'GetSecretApproval', `Secret approval request with ID '${id}' not found`);
  return { status: 200, body: { approval: shown(request) } };
}

/** As a person does. The last writer wins by the id of the secret, whatever was written since (facts §7). */
export function mergeRequest(world: World, id: string): void {
  const request = opened(world, id);
  for (const change of request.changes) merge(world, request.at, change);
  request.status = 'close';
  request.hasMerged = true;
  world.changed();
}

function merge(world: World, at: Where, change: Held): void {
  if (change.do === 'create') {
    const folder = world.folders.get(place(at.environment, at.path));
    if (folder !== undefined && !folder.secrets.has(change.key)) made(folder, change.key, change.given);
    return;
  }
  const found = world.secretById(change.secretId);
  if (found === null) return;
  const { folder, secret } = found;
  if (change.do === 'delete') {
    folder.secrets.delete(secret.key);
    return;
  }
  // Metadata that was left out is emptied; a rotated secret keeps its value.
  const { value, ...rest } = { metadata: [], ...change.given };
  const isKept = value === undefined || secret.rotationId !== null;
  changed(folder, secret, isKept ? rest : { ...rest, value });
}

export function closeRequest(world: World, id: string): void {
  opened(world, id).status = 'close';
}

/** A request that was closed unmerged can be opened again, by a person. */
export function reopenRequest(world: World, id: string): void {
  const request = world.requests.get(id);
  if (request === undefined || request.hasMerged || request.status === 'open') throw new Error('no closed request');
  request.status = 'open';
}

function opened(world: World, id: string): ChangeRequest {
  const request = world.requests.get(id);
  if (request?.status !== 'open') throw new Error('no open request');
  return request;
}

function shown({ id, slug, status, hasMerged }: ChangeRequest) {
  return { id, slug, status, hasMerged, policyId: 'a1b2c3d4-0000-4000-8000-000000000009', conflicts: null };
}
