import { addressIn } from '../aws/address.ts';
import { refused } from '../aws/classify.ts';
import type { DeclaredAws } from '../aws/declaration.ts';
import { madeByKeyturn, nothing, withFormer, withValue } from '../aws/spot-text.ts';
import type { Driver, Put, Sending } from '../driver.ts';
import { withField } from '../json-field.ts';
import type { StoreContext } from '../kind.ts';
import type { StorePromises } from '../promises.ts';
import { inWords, type Spot } from '../store.ts';
import type { Secrets } from './api.ts';
import { checkSecret } from './check.ts';
import { secretNamed } from './secret-name.ts';
import { lookAt, type SecretMemento, type SecretSight } from './sight.ts';
import { makeCurrent, moveBack } from './versions.ts';

export type DriverOptions = {
  declared: DeclaredAws;
  context: StoreContext;
  promises: StorePromises;
  secrets: Secrets;
};

export function secretsManagerDriver({ declared, context, promises, secrets }: DriverOptions): Driver<SecretSight> {
  const { name: store, time } = context;
  const versions = { store, secrets, time };

  /** Moved back where nothing but the spot has changed since; otherwise the spot alone, in a new version. */
  async function putBack(spot: Spot, before: SecretMemento, over: SecretSight, sending: Sending): Promise<Put> {
    if (!before.secret && spot.field === null && isOurs(over) && countOf(over) === 1) return destroy(over, sending);
    const text = withFormer(over.text, spot, before.value);
    const { version, previous, labelled } = before;
    if (version !== null && version !== over.current) {
      const former = (await secrets.read(over.at, version))?.text ?? null;
      if (former !== null && isOnlyOurChange(spot, former, before, over)) {
        return moveBack(over, { version, previous, labelled }, sending, versions);
      }
    }
    return makeCurrent(text, over, sending, versions);
  }

  async function destroy({ at }: SecretSight, sending: Sending): Promise<Put> {
    await secrets.destroy(at, sending);
    return { version: null, approval: null };
  }

  return {
    name: store,
    kind: 'aws-secrets-manager',
    promises,
    async addressOf(spot) {
      const named = secretNamed(spot.name);
      if (named === null) throw refused({ store, place: inWords(spot) }, 'it is not the name or ARN of a secret');
      return addressIn('secretsmanager', named.region ?? (await secrets.aws.region()), named.name, declared);
    },
    check: (spot) => checkSecret(spot, { secrets, declared, context }),
    look: (spot) => lookAt(spot, { store, secrets, declared, time }),
    put: (spot, value, over, sending) => makeCurrent(withValue(over.text, spot, value), over, sending, versions),
    putBack: (spot, memento, over, sending) => putBack(spot, memento as SecretMemento, over, sending),
    async takeAway(spot, over, sending) {
      // Only a whole secret: while one field is taken out, another policy may be about to write a second, and DeleteSecret
      // knows no condition.
      if (spot.field === null && isOurs(over)) return destroy(over, sending);
      return makeCurrent(withFormer(over.text, spot, null), over, sending, versions);
    },
    close: async () => secrets.aws.close(),
  };
}

/** Made by Keyturn, and nobody has made it theirs since. While there are replicas AWS would not delete it (facts §1.10). */
function isOurs({ described }: SecretSight): boolean {
  return described?.Description === madeByKeyturn && (described.ReplicationStatus ?? []).length === 0;
}

function countOf({ described }: SecretSight): number {
  return Object.keys(described?.VersionIdsToStages ?? {}).length;
}

/** What is there now is the former text with our value in the spot: others have written nothing in between. */
function isOnlyOurChange({ field }: Spot, former: string, before: SecretMemento, over: SecretSight): boolean {
  if (field === null) return former === (before.value ?? nothing);
  if (over.value === null || over.value === 'hidden') return false;
  return withField(former, field, over.value.reveal()) === over.text?.reveal();
}
