import { Refused } from './answers.ts';
import { type Folders, place, type Where, type World } from './world.ts';

const reference = /\$\{([^${}]+)\}/g;

/** What a reader that expands gets: `${NAME}` of the same folder, `${env.folder.NAME}` of another one (facts §5). */
export function expanded(value: string, folders: Folders, at: Where, { settings }: World): string {
  return value.replace(reference, (literal, target: string) => {
    const found = valueAt(folders, target, at);
    if (found === undefined) return literal;
    return found === '' && settings.emptyReferenceIs === 'literal' ? literal : found;
  });
}

export function refuseBrokenReferences({ settings, folders }: World, value: string, at: Where): void {
  if (!settings.refusesBrokenReferences) return;
  const broken = [...value.matchAll(reference)].some(([, target = '']) => valueAt(folders, target, at) === undefined);
  if (broken) throw new Refused(400, 'BadRequest', 'Referenced secret(s) not found');
}

function valueAt(folders: Folders, target: string, at: Where): string | undefined {
  const [environment, ...rest] = target.split('.');
  const name = rest.pop();
  const where = name === undefined ? at : { environment: String(environment), path: `/${rest.join('/')}` };
  return folders.get(place(where.environment, where.path))?.secrets.get(name ?? target)?.value;
}
