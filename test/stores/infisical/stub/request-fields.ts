import { Refused } from './answers.ts';
import {
  type Folder,
  type Given,
  type Identity,
  type Metadata,
  place,
  project,
  type Where,
  type World,
} from './world.ts';

export type SecretCall = {
  generation: 'v4' | 'v3';
  identity: Identity;
  name: string;
  /** The query of a GET, the body of others. */
  fields: Readonly<Record<string, unknown>>;
};

/** `call`: as Infisical names it in errors. */
export function whereOf({ generation, fields }: Pick<SecretCall, 'generation' | 'fields'>, call: string): Where {
  const projectId = fields[generation === 'v4' ? 'projectId' : 'workspaceId'];
  if (typeof projectId !== 'string' || typeof fields.environment !== 'string') {
    throw new Refused(422, 'ValidationFailure', [{ code: 'invalid_type', path: ['environment'], received: fields }]);
  }
  if (projectId !== project) throw new Refused(404, call, `Project with ${projectId} not found`);
  return { environment: fields.environment, path: asPath(fields.secretPath) };
}

export function asPath(path: unknown): string {
  const text = String(path ?? '/');
  return text === '/' ? text : text.replace(/\/$/, '');
}

export function folderAt(world: World, { environment, path }: Where, call: string): Folder {
  const folder = world.folders.get(place(environment, path));
  if (folder !== undefined) return folder;
  throw new Refused(404, call, `Folder with path '${path}' in environment with slug '${environment}' not found`);
}

/** What a write sets. The old `metadata` is taken, and not kept (#3089). */
export function givenIn(world: World, fields: SecretCall['fields']): Given {
  const { secretValue, secretComment, tagIds, secretMetadata, skipMultilineEncoding, newSecretName } = fields;
  return {
    ...(secretValue === undefined ? {} : { value: String(secretValue) }),
    ...(secretComment === undefined ? {} : { comment: String(secretComment) }),
    ...(tagIds === undefined ? {} : { tags: (tagIds as string[]).map((id) => tagOf(world, id)) }),
    ...(secretMetadata === undefined ? {} : { metadata: secretMetadata as Metadata[] }),
    ...(skipMultilineEncoding === undefined ? {} : { skipMultilineEncoding: skipMultilineEncoding === true }),
    ...(newSecretName === undefined ? {} : { newName: String(newSecretName).trim() }),
  };
}

function tagOf({ tags }: World, id: string) {
  const tag = tags.get(id);
  if (tag === undefined) throw new Refused(404, 'NotFound', 'Tag not found');
  return tag;
}

export function flag(value: unknown, otherwise: boolean): boolean {
  return value === undefined ? otherwise : String(value) === 'true';
}
