import type { Answer } from './answers.ts';
import { project, type StubSecret, type Where } from './world.ts';

export const mask = '<hidden-by-infisical>';
export const hidden = { secretValue: mask, secretValueHidden: true };

export function answered(secret: StubSecret, at: Where, more: Record<string, unknown> = {}): Answer {
  return { status: 200, body: { secret: shown(secret, at, more) } };
}

export function shown(secret: StubSecret, { environment, path }: Where, more: Record<string, unknown> = {}) {
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
    skipMultilineEncoding: secret.skipMultilineEncoding,
    isRotatedSecret: secret.rotationId !== null,
    rotationId: secret.rotationId,
    createdAt: '2026-11-01T00:00:00.000Z',
    updatedAt: '2026-11-01T00:00:00.000Z',
    ...more,
  };
}
