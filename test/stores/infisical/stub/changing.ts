import { need } from './access.ts';
import { Refused } from './answers.ts';
import type { SecretCall } from './request-fields.ts';
import { folderAt, givenIn } from './request-fields.ts';
import { refuseByRules, refuseName } from './rules.ts';
import {
  type Folder,
  type Given,
  type Held,
  makeSecret,
  type StubSecret,
  updateSecret,
  type Where,
  type World,
} from './world.ts';

/** A change that may be done: everything was looked at when it was asked for, an approval asks nothing again (facts §7). */
export type Planned = { held: Held; commit: () => StubSecret };
type Change = Pick<SecretCall, 'identity' | 'name' | 'fields'>;

export function creation(world: World, where: Where, { identity, name, fields }: Change): Planned {
  const folder = folderAt(world, where, 'CreateSecret');
  if (fields.type === 'personal') throw new Refused(400, 'BadRequest', 'Only users have personal secrets');
  refuseName(world, name);
  if (folder.secrets.has(name)) throw new Refused(400, 'BadRequest', 'Secret already exists');
  need(identity, 'create', where, name);
  const given = givenIn(world, fields);
  refuseByRules(world, where, null, given);
  return { held: { do: 'create', key: name, given }, commit: () => made(folder, name, given) };
}

/** `inBatch`: the value of a rotated secret is dropped in silence there (facts §11). */
export function update(world: World, where: Where, { identity, name, fields }: Change, inBatch = false): Planned {
  const folder = folderAt(world, where, 'UpdateSecret');
  const secret = fields.type === 'personal' ? undefined : folder.secrets.get(name);
  if (secret === undefined) throw new Refused(404, 'UpdateSecret', `Secret with name ${name} not found`);
  const { value, ...rest } = givenIn(world, fields);
  const isRotated = secret.rotationId !== null;
  if (isRotated && !inBatch && (value !== undefined || rest.newName !== undefined)) {
    throw new Refused(400, 'BadRequest', `Cannot update rotated secret ${name}`);
  }
  need(identity, 'edit', where, name);
  if (rest.newName !== undefined) {
    refuseName(world, rest.newName);
    if (folder.secrets.has(rest.newName)) throw new Refused(400, 'BadRequest', 'Secret already exists');
  }
  const given = { ...rest, ...(value === undefined || isRotated ? {} : { value }) };
  refuseByRules(world, where, secret, given);
  return { held: { do: 'update', secretId: secret.id, given }, commit: () => changed(folder, secret, given) };
}

export function deletion(world: World, where: Where, { identity, name, fields }: Change): Planned {
  const folder = folderAt(world, where, 'DeleteSecret');
  const secret = fields.type === 'personal' ? undefined : folder.secrets.get(name);
  if (secret === undefined) throw new Refused(404, 'DeleteSecret', 'Secret not found');
  need(identity, 'delete', where, name);
  if (secret.rotationId !== null) throw new Refused(400, 'BadRequest', 'Cannot delete rotated secrets');
  const commit = () => {
    folder.secrets.delete(name);
    return secret;
  };
  return { held: { do: 'delete', secretId: secret.id }, commit };
}

export function made(folder: Folder, name: string, given: Given): StubSecret {
  const secret = makeSecret(folder, name, given.value ?? '', given.comment);
  setBeside(secret, given);
  return secret;
}

/** A field that is left out is kept; one that is given replaces the whole. */
export function changed(folder: Folder, secret: StubSecret, given: Given): StubSecret {
  if (given.newName !== undefined) {
    folder.secrets.delete(secret.key);
    secret.key = given.newName;
    folder.secrets.set(secret.key, secret);
  }
  if (given.comment !== undefined) secret.comment = given.comment;
  setBeside(secret, given);
  updateSecret(secret, given.value);
  return secret;
}

function setBeside(secret: StubSecret, { tags, metadata, skipMultilineEncoding }: Given): void {
  if (tags !== undefined) secret.tags = tags;
  if (metadata !== undefined) secret.metadata = metadata;
  if (skipMultilineEncoding !== undefined) secret.skipMultilineEncoding = skipMultilineEncoding;
}
