import { randomUUID } from 'node:crypto';
import { type Answer, Refused } from './answers.ts';
import { type ChangeRequest, type Held, makeSecret, updateSecret, type World } from './world.ts';

export function openRequest(world: World, at: string, change: Held) {
  const id = randomUUID();
  const request: ChangeRequest = {
    id,
    slug: `change-${world.requests.size + 1}`,
    status: 'open',
    hasMerged: false,
    at,
    change,
  };
  world.requests.set(id, request);
  return shown(request);
}

/** `GET /api/v1/secret-approval-requests/{id}` */
export function getRequest(world: World, id: string): Answer {
  if (!world.settings.identitiesSeeRequests) {
    throw new Refused(403, 'PermissionDenied', 'Only users may do this');
  }
  const request = world.requests.get(id);
  if (request === undefined)
    throw new Refused(404, 'GetSecretApproval', `Secret approval request with ID '${id}' not found`);
  return { status: 200, body: { approval: shown(request) } };
}

/** As a person does. The last writer wins by the id of the secret, whatever was written since (facts §7). */
export function mergeRequest(world: World, id: string): void {
  const request = opened(world, id);
  const { change, at } = request;
  if (change.do === 'create') {
    const folder = world.folders.get(at);
    if (folder !== undefined && !folder.secrets.has(change.key))
      makeSecret(folder, change.key, change.value, change.comment);
  } else {
    const found = world.secretById(change.secretId);
    if (found !== null && change.do === 'delete') found.folder.secrets.delete(found.secret.key);
    if (found !== null && change.do === 'update') {
      updateSecret(found.secret, found.secret.rotationId === null ? change.value : undefined);
      found.secret.metadata = [];
    }
  }
  request.status = 'close';
  request.hasMerged = true;
  world.changed();
}

export function closeRequest(world: World, id: string): void {
  opened(world, id).status = 'close';
}

function opened(world: World, id: string): ChangeRequest {
  const request = world.requests.get(id);
  if (request?.status !== 'open') throw new Error('no open request');
  return request;
}

function shown({ id, slug, status, hasMerged }: ChangeRequest) {
  return { id, slug, status, hasMerged, policyId: 'a1b2c3d4-0000-4000-8000-000000000009', conflicts: null };
}
