import { randomUUID } from 'node:crypto';
import { type Answer, Refused } from './answers.ts';
import { type Folder, makeSecret, type Rotation, updateSecret, type World } from './world.ts';

/** A rotation of Infisical over a secret of its own; two keys of it live at OpenRouter at any time. */
export function startRotation(world: World, folder: Folder, name: string, keys: [string, string]): string {
  const rotationId = randomUUID();
  const secret = makeSecret(folder, name, keys[1]);
  secret.rotationId = rotationId;
  world.rotations.set(rotationId, { secretId: secret.id, keys: [...keys], runs: true, deleted: false });
  world.changed();
  return rotationId;
}

/** As its schedule does, while it has one: a new key is published, and the older one is to go; it is answered. */
export function runSchedule(world: World, rotationId: string, key: string): string | null {
  const rotation = world.rotations.get(rotationId);
  const found = rotation?.runs === true && !rotation.deleted ? world.secretById(rotation.secretId) : null;
  if (rotation === undefined || found === null) return null;
  const [oldest = null, ...kept] = rotation.keys;
  rotation.keys = [...kept, key];
  updateSecret(found.secret, key);
  world.changed();
  return oldest;
}

/** `PATCH /api/v2/secret-rotations/open-router-api-key/{rotationId}` */
export function patchRotation(world: World, rotationId: string, body: Readonly<Record<string, unknown>>): Answer {
  const rotation = existing(world, rotationId);
  if (typeof body.isAutoRotationEnabled === 'boolean') rotation.runs = body.isAutoRotationEnabled;
  return shown(rotationId, rotation);
}

/** `DELETE /api/v2/secret-rotations/open-router-api-key/{rotationId}` (facts §11) */
export function deleteRotation(world: World, rotationId: string, query: Readonly<Record<string, unknown>>): Answer {
  const rotation = existing(world, rotationId);
  rotation.deleted = true;
  if (query.revokeGeneratedCredentials === 'true') rotation.keys = [];
  const found = world.secretById(rotation.secretId);
  if (found !== null) found.secret.rotationId = null;
  if (found !== null && query.deleteSecrets === 'true') found.folder.secrets.delete(found.secret.key);
  world.changed();
  return shown(rotationId, rotation);
}

function existing(world: World, rotationId: string): Rotation {
  const rotation = world.rotations.get(rotationId);
  if (rotation !== undefined && !rotation.deleted) return rotation;
  throw new Refused(404, 'NotFound', `Could not find secret rotation with ID "${rotationId}"`);
}

function shown(id: string, { runs }: Rotation): Answer {
  return { status: 200, body: { secretRotation: { id, isAutoRotationEnabled: runs } } };
}
