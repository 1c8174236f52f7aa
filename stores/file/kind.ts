import { z } from 'zod';
import { type DeclaredFiles, filesFields, filesShape } from '../files/declaration.ts';
import { storeKind } from '../kind.ts';
import type { StorePromises } from '../promises.ts';

export type DeclaredFile = DeclaredFiles & { kind: 'file' };

export const filePromises: StorePromises = {
  readsBack: true,
  // Among Keyturns of one machine it does; an editor that saves in that very instant is not noticed.
  comparesAndSets: false,
  fences: false,
  owns: false,
  versions: false,
  countsWrites: true,
  readsLagMs: 0,
  readersFollow: { at: 'once' },
};

/** Each secret is a file of its own, and all of it. */
export const file = storeKind<DeclaredFile>({
  kind: 'file',
  title: 'plain files',
  schema: z.strictObject({ kind: z.literal('file'), ...filesShape }),
  fields: filesFields,
  promises: filePromises,
  open: async (declared, context) => {
    const { openFile } = await import('./open.ts');
    return openFile(declared, context);
  },
});
