import { z } from 'zod';
import { type DeclaredFiles, filesShape } from '../files/declaration.ts';
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

export const schema = z.strictObject({ kind: z.literal('file'), ...filesShape });
