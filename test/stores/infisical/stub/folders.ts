import { randomUUID } from 'node:crypto';
import { type Answer, folderMissing, Refused } from './answers.ts';
import { asPath } from './request-fields.ts';
import { place, project, type World } from './world.ts';

type Fields = Readonly<Record<string, unknown>>;

/** `POST /api/v2/folders`, and v1, which the SDK takes: idempotent, and makes its parents. */
export function createFolder(world: World, fields: Fields): Answer {
  const { environment, path } = whereIn(fields);
  const name = String(fields.name ?? '');
  if (!/^[\w-]+$/.test(name)) {
    throw new Refused(422, 'ValidationFailure', [{ path: ['name'], message: 'Invalid folder name' }]);
  }
  const whole = path === '/' ? `/${name}` : `${path}/${name}`;
  for (let end = whole.indexOf('/', 1); end !== -1; end = whole.indexOf('/', end + 1)) {
    world.folder(environment, whole.slice(0, end));
  }
  world.folder(environment, whole);
  return { status: 200, body: { folder: { id: randomUUID(), name, path: whole, environment } } };
}

export function listFolders(world: World, fields: Fields): Answer {
  const { environment, path } = whereIn(fields);
  if (!world.folders.has(place(environment, path))) throw folderMissing('GetFolders', path, environment);
  const above = place(environment, path === '/' ? path : `${path}/`);
  const names = [...world.folders.keys()]
    .filter((key) => key.startsWith(above) && key !== above && !key.slice(above.length).includes('/'))
    .map((key) => key.slice(above.length));
  return { status: 200, body: { folders: names.map((name) => ({ id: place(environment, name), name })) } };
}

function whereIn(fields: Fields) {
  const { projectId = fields.workspaceId, environment, path } = fields;
  if (projectId !== project) throw new Refused(404, 'GetFolders', `Project with ${String(projectId)} not found`);
  return { environment: String(environment), path: asPath(path) };
}
