import type { DeclaredAws } from '../aws/declaration.ts';
import { conditionalStore } from '../conditional-store.ts';
import type { StoreContext } from '../kind.ts';
import type { StorePromises } from '../promises.ts';
import type { Store } from '../store.ts';
import { openParameters } from './api.ts';
import { parameterStoreDriver } from './driver.ts';

/** A store over what is declared. */
export function openParameterStore(declared: DeclaredAws, context: StoreContext, promises: StorePromises): Store {
  const driver = parameterStoreDriver({
    declared,
    context,
    promises: { ...promises, readersFollow: declared.readersFollow ?? promises.readersFollow },
    parameters: openParameters(declared, context),
  });
  return conditionalStore(driver, context.time);
}
