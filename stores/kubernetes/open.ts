import { conditionalStore } from '../conditional-store.ts';
import type { StoreContext } from '../kind.ts';
import type { Store } from '../store.ts';
import { type DeclaredKubernetes, promises } from './declaration.ts';
import { kubernetesDriver } from './driver.ts';
import { createHttp } from './http.ts';
import { inClusterAccess } from './in-cluster.ts';
import { kubeconfigAccess } from './kubeconfig-access.ts';
import { secretsApi } from './secrets-api.ts';

/** A store over what is declared. */
export function openKubernetes({ kubeconfig, ...declared }: DeclaredKubernetes, context: StoreContext): Store {
  const access =
    kubeconfig === undefined ? inClusterAccess(context) : kubeconfigAccess({ ...declared, kubeconfig }, context);
  const driver = kubernetesDriver({
    name: context.name,
    promises: { ...promises, readersFollow: declared.readersFollow ?? promises.readersFollow },
    access,
    api: secretsApi(access, createHttp()),
    namespace: declared.namespace,
  });
  return conditionalStore(driver, context.time);
}
