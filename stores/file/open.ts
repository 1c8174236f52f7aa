import { conditionalStore } from '../conditional-store.ts';
import { fileDriver } from '../files/driver.ts';
import type { StoreContext } from '../kind.ts';
import type { Store } from '../store.ts';
import { type DeclaredFile, filePromises } from './declaration.ts';
import { whole } from './whole.ts';

/** A store over what is declared. */
export function openFile(declared: DeclaredFile, context: StoreContext): Store {
  return conditionalStore(
    fileDriver('file', declared, context, { format: whole, promises: filePromises }),
    context.time,
  );
}
