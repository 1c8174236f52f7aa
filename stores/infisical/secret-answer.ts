import { z } from 'zod';
import { fault } from '../../errors/keyturn-error.ts';
import type { Asked } from './classify.ts';

/** A secret as Infisical shows it. `comment`, `hasMetadata`: what people have written beside it. */
export type Found = {
  id: string;
  version: number;
  value: string;
  comment: string;
  hasMetadata: boolean;
  isRotated: boolean;
};

/** The comment of a secret that Keyturn may delete. Who changes it makes the secret theirs. */
export const madeByKeyturn = 'Made by Keyturn.';

export type Place = { project: string; environment: string; path: string };

const shape = z.looseObject({
  id: z.string().min(1),
  version: z.number(),
  secretKey: z.string(),
  secretValue: z.string(),
  secretValueHidden: z.boolean().nullish(),
  environment: z.string().nullish(),
  secretPath: z.string().nullish(),
  secretComment: z.string().nullish(),
  secretMetadata: z.array(z.unknown()).nullish(),
  isRotatedSecret: z.boolean().nullish(),
});
const reading = z.looseObject({ secret: shape });

/** What stands in place of a value that is not shown. Written back, it would become the value (facts §4). */
const mask = '<hidden-by-infisical>';

export class Masked extends Error {
  override readonly name = 'Masked';
}

/**
 * The secret of that name in that very folder. null: another one answers for it, an imported one for example.
 *
 * @throws Masked its value is not shown
 */
export function secretIn(json: unknown, name: string, { environment, path }: Place, asked: Asked): Found | null {
  const read = reading.safeParse(json);
  if (!read.success) throw fault('KEYTURN_STORE_UNAVAILABLE', asked.store, 'its answer is not one of Infisical');
  const { secret } = read.data;
  const isElsewhere = (secret.environment ?? environment) !== environment || (secret.secretPath ?? path) !== path;
  if (isElsewhere || secret.secretKey !== name) return null;
  if (secret.secretValueHidden === true || secret.secretValue === mask) throw new Masked();
  return {
    id: secret.id,
    version: secret.version,
    value: secret.secretValue,
    comment: secret.secretComment ?? '',
    hasMetadata: (secret.secretMetadata?.length ?? 0) > 0,
    isRotated: secret.isRotatedSecret === true,
  };
}

const changed = z.union([
  z.looseObject({ approval: z.looseObject({ id: z.string().regex(/^[\w-]{1,64}$/) }) }),
  z.looseObject({ secret: z.looseObject({ id: z.string(), version: z.number() }) }),
]);

/** Of a change that came through, or of a request to make it (facts §7: the same 200). */
export type Sent = { id: string; version: number } | { approval: string };

/** null: a 200 that says neither. */
export function sentIn(json: unknown): Sent | null {
  const read = changed.safeParse(json);
  if (!read.success) return null;
  if ('approval' in read.data) return { approval: (read.data as { approval: { id: string } }).approval.id };
  const { id, version } = (read.data as { secret: { id: string; version: number } }).secret;
  return { id, version };
}
