import { randomUUID } from 'node:crypto';
import { type Answer, Refused } from './answers.ts';
import { type Folder, makeSecret, updateSecret, type World } from './world.ts';

/** A rotation of Infisical over a secret of its own; two keys live at OpenRouter at any time. */
export function startRotation(world: World, folder: Folder, name: string, keys: [string, string]): string {
  const rotationId = randomUUID();
  const secret = makeSecret(folder, name, keys[1]);
  secret.rotationId = rotationId;
  world.rotations.set(rotationId, { secretId: secret.id, liveKeys: [...keys], deleted: false });
  world.changed();
  return rotationId;
}

/** As its schedule does: the older key goes, a new one is published. */
export function rotateNow(world: World, rotationId: string, key: string): void {
  const rotation = world.rotations.get(rotationId);
  const found = rotation?.deleted === false ? world.secretById(rotation.secretId) : null;
  if (rotation === undefined || found === null) return;
  rotation.liveKeys = [...rotation.liveKeys.slice(-1), key];
  updateSecret(found.secret, key);
  world.changed();
}

/** `DELETE /api/v2/secret-rotations/open-router-api-key/{rotationId}` (facts §11) */
export function deleteRotation(world: World, rotationId: string, query: Readonly<Record<string, unknown>>): Answer {
  const rotation = world.rotations.get(rotationId);
  if (rotation === undefined || rotation.deleted) {
    throw new Refused(404, 'NotFound', `Could not find secret rotation with ID "${rotationId}"`);
  }
  rotation.deleted = true;
  if (query.revokeGeneratedCredentials === 'true') rotation.liveKeys = [];
  const found = world.secretById(rotation.secretId);
  if (found !== null) found.secret.rotationId = null;
  if (found !== null && query.deleteSecrets === 'true') found.folder.secrets.delete(found.secret.key);
  world.changed();
  return { status: 200, body: { secretRotation: { id: rotationId, type: 'openrouter-api-key' } } };
}
