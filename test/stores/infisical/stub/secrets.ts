import { type Answer, folderMissing, notAllowed, Refused, secretMissing } from './answers.ts';
import { openRequest } from './change-requests.ts';
import {
  type Action,
  asStored,
  type Folders,
  type Held,
  type Identity,
  makeSecret,
  place,
  project,
  type StubSecret,
  updateSecret,
  type World,
} from './world.ts';

export type SecretCall = {
  generation: 'v4' | 'v3';
  identity: Identity;
  name: string;
  /** The query of a GET, the body of others. */
  fields: Readonly<Record<string, unknown>>;
};
type Where = { environment: string; path: string };

const mask = '<hidden-by-infisical>';

export function getSecret(world: World, call: SecretCall): Answer {
  const where = whereOf(call, 'GetSecretByName');
  const { generation, identity, name, fields } = call;
  const folders = world.onReplica();
  if (!folders.has(place(where.environment, where.path))) {
    throw folderMissing('GetSecretByName', where.path, where.environment);
  }
  const imports = flag(generation === 'v4' ? fields.includeImports : fields.include_imports, generation === 'v4');
  const found = find(folders, where, name, imports);
  if (found === null) throw secretMissing('GetSecretByName', name);
  need(identity, 'describeSecret');
  const { secret, at } = found;
  const wantsValue = flag(fields.viewSecretValue, true);
  const mayRead = identity.may.has('readValue');
  if (wantsValue && !mayRead && world.settings.hiddenValues === 'refused') {
    throw new Refused(403, 'ForbiddenReadSecretError', 'You are not allowed to read the value of this secret');
  }
  const asked = world.settings.readsVersions && fields.version !== undefined ? Number(fields.version) : secret.version;
  const former = secret.history.find(({ version }) => version === asked);
  if (former === undefined) throw secretMissing('GetSecretByName', name);
  const expands = flag(fields.expandSecretReferences, generation === 'v4');
  const value = expands ? expanded(former.value, folders, at) : former.value;
  return answer(secret, at, { version: former.version, ...(wantsValue && mayRead ? { secretValue: value } : hidden) });
}

export function listSecrets(world: World, call: SecretCall): Answer {
  const where = whereOf(call, 'GetSecrets');
  const folder = world.onReplica().get(place(where.environment, where.path));
  if (folder === undefined) throw folderMissing('GetSecrets', where.path, where.environment);
  need(call.identity, 'describeSecret');
  need(call.identity, 'readValue');
  const secrets = [...folder.secrets.values()].map((secret) => shown(secret, where, { secretValue: secret.value }));
  return { status: 200, body: { secrets, imports: [] } };
}

export function createSecret(world: World, call: SecretCall): Answer {
  const { where, folder } = writable(world, call, 'CreateSecret');
  const { identity, name, fields } = call;
  if (folder.secrets.has(name)) throw new Refused(400, 'BadRequest', 'Secret already exists');
  need(identity, 'create');
  const value = String(fields.secretValue ?? '');
  const comment = String(fields.secretComment ?? '');
  if (world.settings.approvals) return held(world, where, { do: 'create', key: name, value, comment });
  const secret = makeSecret(folder, name, value, comment);
  world.changed();
  return answer(secret, where, echo(identity, { secretValue: asStored(value), secretComment: comment }));
}

export function patchSecret(world: World, call: SecretCall): Answer {
  const { where, folder } = writable(world, call, 'UpdateSecret');
  const { identity, name, fields } = call;
  const secret = folder.secrets.get(name);
  if (secret === undefined) throw new Refused(404, 'UpdateSecret', `Secret with name ${name} not found`);
  if (secret.rotationId !== null && fields.secretValue !== undefined) {
    throw new Refused(400, 'BadRequest', `Cannot update rotated secret ${name}`);
  }
  need(identity, 'edit');
  const value = fields.secretValue === undefined ? undefined : String(fields.secretValue);
  refuseReused(world, secret, value);
  if (world.settings.approvals)
    return held(world, where, { do: 'update', secretId: secret.id, value: value ?? secret.value });
  updateSecret(secret, value);
  if (fields.secretComment !== undefined) secret.comment = String(fields.secretComment);
  world.changed();
  return answer(secret, where, echo(identity, { secretValue: value === undefined ? '' : asStored(value) }));
}

export function deleteSecret(world: World, call: SecretCall): Answer {
  const { where, folder } = writable(world, call, 'DeleteSecret');
  const secret = folder.secrets.get(call.name);
  if (secret === undefined) throw new Refused(404, 'DeleteSecret', 'Secret not found');
  need(call.identity, 'delete');
  if (secret.rotationId !== null) throw new Refused(400, 'BadRequest', 'Cannot delete rotated secrets');
  if (world.settings.approvals) return held(world, where, { do: 'delete', secretId: secret.id });
  folder.secrets.delete(call.name);
  world.changed();
  return answer(secret, where, call.identity.may.has('readValue') ? {} : hidden);
}

const hidden = { secretValue: mask, secretValueHidden: true };

/** The answer of a write says what was sent, not what is kept (facts §3). */
function echo({ may }: Identity, sent: Record<string, unknown>): Record<string, unknown> {
  return { ...sent, secretMetadata: undefined, ...(may.has('readValue') ? {} : hidden) };
}

function whereOf({ generation, fields }: SecretCall, name: string): Where {
  const projectId = fields[generation === 'v4' ? 'projectId' : 'workspaceId'];
  if (typeof projectId !== 'string' || typeof fields.environment !== 'string') {
    throw new Refused(422, 'ValidationFailure', [{ code: 'invalid_type', path: ['environment'], received: fields }]);
  }
  if (projectId !== project) throw new Refused(404, name, `Project with ${projectId} not found`);
  const path = String(fields.secretPath ?? '/');
  return { environment: fields.environment, path: path === '/' ? path : path.replace(/\/$/, '') };
}

function writable(world: World, call: SecretCall, name: string) {
  const where = whereOf(call, name);
  const folder = world.folders.get(place(where.environment, where.path));
  if (folder === undefined) throw folderMissing(name, where.path, where.environment);
  return { where, folder };
}

function find(folders: Folders, at: Where, name: string, imports: boolean): { secret: StubSecret; at: Where } | null {
  const folder = folders.get(place(at.environment, at.path));
  const secret = folder?.secrets.get(name);
  if (secret !== undefined) return { secret, at };
  for (const one of imports ? (folder?.imports ?? []) : []) {
    const imported = find(folders, one, name, false);
    if (imported !== null) return imported;
  }
  return null;
}

function expanded(value: string, folders: Folders, at: Where): string {
  return value.replace(/\$\{(\w+)\}/g, (literal, name: string) => {
    return folders.get(place(at.environment, at.path))?.secrets.get(name)?.value ?? literal;
  });
}

function refuseReused(world: World, { history }: StubSecret, value: string | undefined): void {
  const { reuseRule } = world.settings;
  if (value === undefined || reuseRule === 0) return;
  if (!history.slice(-reuseRule).some((former) => former.value === asStored(value))) return;
  throw new Refused(400, 'BadRequest', `Rule "no reuse": ${value} was used in the last ${reuseRule} versions`);
}

function held(world: World, { environment, path }: Where, change: Held): Answer {
  return { status: 200, body: { approval: openRequest(world, place(environment, path), change) } };
}

function need({ may }: Identity, action: Action): void {
  if (!may.has(action)) throw notAllowed(action);
}

function flag(value: unknown, otherwise: boolean): boolean {
  return value === undefined ? otherwise : String(value) === 'true';
}

function answer(secret: StubSecret, at: Where, more: Record<string, unknown>): Answer {
  return { status: 200, body: { secret: shown(secret, at, more) } };
}

function shown(secret: StubSecret, { environment, path }: Where, more: Record<string, unknown>) {
  return {
    id: secret.id,
    _id: secret.id,
    workspace: project,
    environment,
    secretPath: path,
    secretKey: secret.key,
    secretValue: secret.value,
    secretValueHidden: false,
    secretComment: secret.comment,
    version: secret.version,
    type: 'shared',
    tags: secret.tags,
    secretMetadata: secret.metadata,
    skipMultilineEncoding: false,
    isRotatedSecret: secret.rotationId !== null,
    rotationId: secret.rotationId,
    createdAt: '2026-11-01T00:00:00.000Z',
    updatedAt: '2026-11-01T00:00:00.000Z',
    ...more,
  };
}
