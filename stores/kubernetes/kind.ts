import { type StoreKind, storeKind } from '../kind.ts';
import { type DeclaredKubernetes, promises, schema } from './declaration.ts';

export const kubernetes = storeKind<DeclaredKubernetes>({
  kind: 'kubernetes',
  title: 'Kubernetes Secrets',
  schema,
  fields: ['kind', 'kubeconfig', 'context', 'namespace', 'allowExec', 'allowInsecure', 'readersFollow'],
  promises,
  open: async (declared, context) => {
    const { openKubernetes } = await import('./open.ts');
    return openKubernetes(declared, context);
  },
} satisfies StoreKind<DeclaredKubernetes>);
