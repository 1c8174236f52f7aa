import { awsFields, awsSchema, type DeclaredAws } from '../aws/declaration.ts';
import { storeKind } from '../kind.ts';
import type { StorePromises } from '../promises.ts';

const promises: StorePromises = {
  readsBack: true,
  comparesAndSets: true,
  // An undo moves AWSCURRENT back to where a write of the same rotation would take it from.
  fences: false,
  owns: false,
  versions: true,
  // The same undo brings back the version that was there before.
  countsWrites: false,
  // Nothing is promised. An old answer is refused by the compare-and-set, and read again.
  readsLagMs: 0,
  // AWS's caching clients keep a value for an hour, the Lambda extension for 5 minutes (facts §1.6).
  readersFollow: { at: 'within', ms: 3_600_000 },
};

export const awsSecretsManager = storeKind<DeclaredAws>({
  kind: 'aws-secrets-manager',
  title: 'AWS Secrets Manager',
  schema: awsSchema('aws-secrets-manager'),
  fields: awsFields,
  promises,
  open: async (declared, context) => {
    const { openSecretsManager } = await import('./open.ts');
    return openSecretsManager(declared, context, promises);
  },
});
