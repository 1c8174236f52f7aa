import { awsFields, awsSchema, type DeclaredAws } from '../aws/declaration.ts';
import { storeKind } from '../kind.ts';
import type { StorePromises } from '../promises.ts';

const promises: StorePromises = {
  readsBack: true,
  // PutParameter knows no condition. What somebody wrote in the moment between is noticed by its number, and put back.
  comparesAndSets: false,
  fences: false,
  owns: false,
  versions: true,
  countsWrites: true,
  // Old values were seen for seconds after a write (facts §2.6).
  readsLagMs: 5_000,
  // As with Secrets Manager: AWS's caching clients keep a value for a while.
  readersFollow: { at: 'within', ms: 3_600_000 },
};

export const awsParameterStore = storeKind<DeclaredAws>({
  kind: 'aws-parameter-store',
  title: 'AWS SSM Parameter Store',
  schema: awsSchema('aws-parameter-store'),
  fields: awsFields,
  promises,
  open: async (declared, context) => {
    const { openParameterStore } = await import('./open.ts');
    return openParameterStore(declared, context, promises);
  },
});
