import { filesFields } from '../files/declaration.ts';
import { storeKind } from '../kind.ts';
import { type DeclaredEnvFile, envFilePromises, schema } from './declaration.ts';

/** A variable in a `.env` file. */
export const envFile = storeKind<DeclaredEnvFile>({
  kind: 'env-file',
  title: '.env files',
  schema,
  fields: filesFields,
  promises: envFilePromises,
  open: async (declared, context) => {
    const { openEnvFile } = await import('./open.ts');
    return openEnvFile(declared, context);
  },
});
