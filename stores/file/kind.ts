import { filesFields } from '../files/declaration.ts';
import { storeKind } from '../kind.ts';
import { type DeclaredFile, filePromises, schema } from './declaration.ts';

/** Each secret is a file of its own, and all of it. */
export const file = storeKind<DeclaredFile>({
  kind: 'file',
  title: 'plain files',
  schema,
  fields: filesFields,
  promises: filePromises,
  open: async (declared, context) => {
    const { openFile } = await import('./open.ts');
    return openFile(declared, context);
  },
});
