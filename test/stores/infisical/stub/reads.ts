import { mayDo, need } from './access.ts';
import { type Answer, folderMissing, Refused, secretMissing } from './answers.ts';
import { expanded } from './references.ts';
import { flag, type SecretCall, whereOf } from './request-fields.ts';
import { answered, hidden, shown } from './shown.ts';
import { type Folders, place, type StubSecret, type Where, type World } from './world.ts';

export function getSecret(world: World, call: SecretCall): Answer {
  const where = whereOf(call, 'GetSecretByName');
  const { identity, name, fields } = call;
  const folders = world.onReplica();
  if (!folders.has(place(where.environment, where.path))) {
    throw folderMissing('GetSecretByName', where.path, where.environment);
  }
  // Nobody has personal ones here: those belong to people.
  const found = fields.type === 'personal' ? null : find(folders, where, call, name);
  if (found === null) throw secretMissing('GetSecretByName', name);
  need(identity, 'describeSecret', found.at, name);
  return answerOf(world, call, folders, found);
}

/** `GET /id/{id}`: it says of itself where it is. */
export function getSecretById(world: World, call: SecretCall): Answer {
  const folders = world.onReplica();
  for (const [key, folder] of folders) {
    const [environment = '', path = ''] = key.split(' ');
    const secret = [...folder.secrets.values()].find(({ id }) => id === call.name);
    if (secret === undefined) continue;
    need(call.identity, 'describeSecret', { environment, path }, secret.key);
    return answerOf(world, call, folders, { secret, at: { environment, path } });
  }
  throw new Refused(404, 'GetSecretById', `Secret with ID '${call.name}' not found`);
}

type Found = { secret: StubSecret; at: Where };

function answerOf(world: World, { identity, fields, generation, name }: SecretCall, folders: Folders, found: Found) {
  const { secret, at } = found;
  const wantsValue = flag(fields.viewSecretValue, true);
  const mayRead = mayDo(identity, 'readValue', at, secret.key);
  if (wantsValue && !mayRead && world.settings.hiddenValues === 'refused') throw valueForbidden();
  const asked = world.settings.readsVersions && fields.version !== undefined ? Number(fields.version) : secret.version;
  // A version is looked up by the name that the secret had then.
  const former = secret.history.find(
    ({ version, key }) => version === asked && (asked === secret.version || key === name),
  );
  if (former === undefined) throw secretMissing('GetSecretByName', name);
  const expands = flag(fields.expandSecretReferences, generation === 'v4');
  const value = expands ? expanded(former.value, folders, at, world) : former.value;
  return answered(secret, at, {
    secretKey: former.key,
    version: former.version,
    ...(wantsValue && mayRead ? { secretValue: value } : hidden),
  });
}

/** The folder's own, and those of the folders that it imports, where that is asked for. */
function find(folders: Folders, at: Where, { generation, fields }: SecretCall, name: string): Found | null {
  const folder = folders.get(place(at.environment, at.path));
  const secret = folder?.secrets.get(name);
  if (secret !== undefined) return { secret, at };
  const isV4 = generation === 'v4';
  if (!flag(isV4 ? fields.includeImports : fields.include_imports, isV4)) return null;
  for (const one of folder?.imports ?? []) {
    const imported = folders.get(place(one.environment, one.path))?.secrets.get(name);
    if (imported !== undefined) return { secret: imported, at: one };
  }
  return null;
}

/** Without paging. What the identity may not describe is silently absent. */
export function listSecrets(world: World, call: SecretCall): Answer {
  const where = whereOf(call, 'GetSecrets');
  const { identity, fields, generation } = call;
  const folders = world.onReplica();
  if (!folders.has(place(where.environment, where.path)))
    throw folderMissing('GetSecrets', where.path, where.environment);
  const isV4 = generation === 'v4';
  const wantsValue = flag(fields.viewSecretValue, true);
  const expands = flag(fields.expandSecretReferences, isV4);

  const secretsOf = (at: Where) =>
    [...(folders.get(place(at.environment, at.path))?.secrets.values() ?? [])]
      .filter(({ key }) => mayDo(identity, 'describeSecret', at, key))
      .map((secret) => {
        const mayRead = mayDo(identity, 'readValue', at, secret.key);
        if (wantsValue && !mayRead && world.settings.hiddenValues === 'refused') throw valueForbidden();
        const value = expands ? expanded(secret.value, folders, at, world) : secret.value;
        return shown(secret, at, wantsValue && mayRead ? { secretValue: value } : hidden);
      });

  const below = flag(fields.recursive, false)
    ? [...folders.keys()]
        .map((key) => key.split(' ') as [string, string])
        .filter(([environment, path]) => environment === where.environment && isBelow(path, where.path))
        .map(([environment, path]) => ({ environment, path }))
    : [];
  const withImports = flag(isV4 ? fields.includeImports : fields.include_imports, isV4);
  const { imports = [] } = folders.get(place(where.environment, where.path)) ?? {};
  const secrets = [where, ...below].flatMap(secretsOf);
  const imported = (withImports ? imports : []).map(({ environment, path }) => ({
    environment,
    secretPath: path,
    folderId: place(environment, path),
    secrets: secretsOf({ environment, path }),
  }));
  return { status: 200, body: { secrets, imports: imported } };
}

function isBelow(path: string, above: string): boolean {
  return path !== above && path.startsWith(above === '/' ? above : `${above}/`);
}

const valueForbidden = () =>
  new Refused(403, 'ForbiddenReadSecretError', 'You are not allowed to read the value of this secret');
