import type { DeclaredAws } from '../aws/declaration.ts';
import { conditionalStore } from '../conditional-store.ts';
import type { StoreContext } from '../kind.ts';
import type { StorePromises } from '../promises.ts';
import type { Store } from '../store.ts';
import { openSecrets } from './api.ts';
import { secretsManagerDriver } from './driver.ts';

/** A store over what is declared. */
export function openSecretsManager(declared: DeclaredAws, context: StoreContext, promises: StorePromises): Store {
  const secrets = openSecrets(declared, context);
  const driver = secretsManagerDriver({
    declared,
    context,
    promises: { ...promises, readersFollow: declared.readersFollow ?? promises.readersFollow },
    secrets,
  });
  return conditionalStore(driver, context.time);
}
