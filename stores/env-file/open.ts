import { conditionalStore } from '../conditional-store.ts';
import { fileDriver } from '../files/driver.ts';
import type { StoreContext } from '../kind.ts';
import type { Store } from '../store.ts';
import { type DeclaredEnvFile, envFilePromises } from './declaration.ts';
import { variable } from './variable.ts';

/** A store over what is declared. */
export function openEnvFile(declared: DeclaredEnvFile, context: StoreContext): Store {
  const driver = fileDriver('env-file', declared, context, { format: variable, promises: envFilePromises });
  return conditionalStore(driver, context.time);
}
