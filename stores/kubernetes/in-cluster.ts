import { fault } from '../../errors/keyturn-error.ts';
import type { StoreContext } from '../kind.ts';
import { asServer, type ClusterAccess, serverOf } from './cluster-access.ts';

/** What a pod finds of its own cluster, unless `automountServiceAccountToken` is false. */
const serviceAccountFolder = '/var/run/secrets/kubernetes.io/serviceaccount';

/** The cluster that the worker runs in, as the pod's service account. The kubelet renews the token on disk. */
export function inClusterAccess(context: StoreContext, folder = serviceAccountFolder): ClusterAccess {
  const file = async (name: string) => context.secret({ source: 'file', path: `${folder}/${name}` });

  function server(): string {
    const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = context.env;
    const url = host ? serverOf(`https://${host.includes(':') ? `[${host}]` : host}:${port || '443'}`) : null;
    if (url !== null) return asServer(url);
    const why = 'this is no pod of a cluster (KUBERNETES_SERVICE_HOST); name one with kubeconfig: { file: PATH }';
    throw fault('KEYTURN_CREDENTIAL_UNREADABLE', `store "${context.name}"`, why);
  }

  return {
    async place() {
      return { server: server(), verifies: true };
    },
    async namespace() {
      return (await file('namespace')).reveal();
    },
    async now() {
      const [ca, bearer] = await Promise.all([file('ca.crt'), file('token')]);
      const tls = { ca: ca.reveal(), serverName: null, verify: true, client: null };
      return { server: server(), tls, proxy: null, bearer };
    },
    notAccepted: () => {},
  };
}
