import { z } from 'zod';
import { type DeclaredFiles, filesShape } from '../files/declaration.ts';
import type { StorePromises } from '../promises.ts';

export type DeclaredEnvFile = DeclaredFiles & { kind: 'env-file' };

export const envFilePromises: StorePromises = {
  readsBack: true,
  // Among Keyturns of one machine it does; an editor that saves in that very instant is not noticed.
  comparesAndSets: false,
  fences: false,
  owns: false,
  versions: false,
  countsWrites: true,
  readsLagMs: 0,
  // Read when a process starts, and never again (facts §10.6).
  readersFollow: { at: 'restart' },
};

export const schema = z.strictObject({ kind: z.literal('env-file'), ...filesShape });
