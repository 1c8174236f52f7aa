import { type StoreKind, storeKind } from '../kind.ts';
import { type DeclaredInfisical, promises, schema } from './declaration.ts';

export const infisical = storeKind<DeclaredInfisical>({
  kind: 'infisical',
  title: 'Infisical',
  schema,
  fields: [
    'kind',
    'url',
    'project',
    'environment',
    'path',
    'auth',
    'organization',
    'caFile',
    'allowInsecure',
    'readersFollow',
  ],
  promises,
  open: async (declared, context) => {
    const { openInfisical } = await import('./open.ts');
    return openInfisical(declared, context);
  },
} satisfies StoreKind<DeclaredInfisical>);
