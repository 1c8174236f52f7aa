import { createHash } from 'node:crypto';
import type { DescribeSecretResponse } from '@aws-sdk/client-secrets-manager';
import { fault } from '../../errors/keyturn-error.ts';
import { Secret } from '../../secrets/secret.ts';
import { elsewhere, otherAccount } from '../aws/address.ts';
import { refused } from '../aws/classify.ts';
import type { DeclaredAws } from '../aws/declaration.ts';
import { heldIn, whyNotIn } from '../aws/spot-text.ts';
import type { Waiting } from '../conditional-store.ts';
import type { Seen } from '../driver.ts';
import { inWords, type Memento, type Spot } from '../store.ts';
import type { At, Secrets } from './api.ts';
import { secretNamed } from './secret-name.ts';

/** What has to be known to put it back: the values of the spot, and where the labels were. */
export type SecretMemento = {
  /** The secret itself was there, with or without a value. */
  secret: boolean;
  version: string | null;
  previous: string | null;
  /** Which version had the label of this spot. */
  labelled: string | null;
  /** Of the spot: all of the text, or the field as it was spelt. */
  value: string | null;
};

export type SecretSight = Seen & {
  at: At;
  label: string;
  /** null: there is no secret. */
  described: DescribeSecretResponse | null;
  /** The whole text of AWSCURRENT. */
  text: Secret | null;
  current: string | null;
  own: SecretMemento;
};

const tries = 5;
const againMs = 300;

/** The label that versions of this spot are staged under. One a spot, moved along: AWS takes 20 a secret. */
export function labelOf({ field }: Spot): string {
  const digest = createHash('sha256').update('keyturn label\0').update(JSON.stringify(field)).digest('hex');
  return `keyturn-${digest.slice(0, 16)}`;
}

/** @throws KEYTURN_STORE_REFUSED it is no name, or leads elsewhere */
export async function secretAt(spot: Spot, store: string, secrets: Secrets, declared: DeclaredAws): Promise<At> {
  const place = inWords(spot);
  const named = secretNamed(spot.name);
  if (named === null) {
    throw refused(
      { store, place },
      'it is neither the name of a secret nor a whole ARN, which ends in 6 characters of AWS',
    );
  }
  const why = elsewhere(named, { region: await secrets.aws.region(), account: declared.account });
  if (why !== null) throw refused({ store, place }, why);
  return { id: named.arn ?? named.name, place };
}

export async function lookAt(
  spot: Spot,
  { store, secrets, declared, time }: { store: string; secrets: Secrets; declared: DeclaredAws; time: Waiting },
): Promise<SecretSight> {
  const at = await secretAt(spot, store, secrets, declared);
  for (let attempt = 1; ; attempt++) {
    const described = await secrets.describe(at);
    const why = described === null ? null : refusalOf(described, spot, await secrets.aws.region(), declared);
    if (why !== null) throw refused({ store, place: at.place }, why);
    // Nobody can read what is marked for deletion: nothing is there, for a removal. `put` refuses it.
    const current = isMarkedForDeletion(described) ? null : versionWith('AWSCURRENT', described);
    if (current === null) return sightOf(spot, at, described, null, null);
    // By the label too, as applications read it: it may be there a moment later than the version (facts §1.6).
    const read = await secrets.read(at, current, 'AWSCURRENT');
    if (read !== null) {
      const whyNot = read.text === null ? bytesNotText : whyNotIn(read.text, spot);
      if (whyNot !== null) throw refused({ store, place: at.place }, whyNot);
      return sightOf(spot, at, described, current, read.text);
    }
    if (attempt === tries) throw fault('KEYTURN_STORE_UNAVAILABLE', store, 'its current version cannot be read yet');
    await time.wait(againMs);
  }
}

function sightOf(
  spot: Spot,
  at: At,
  described: DescribeSecretResponse | null,
  current: string | null,
  text: string | null,
): SecretSight {
  const label = labelOf(spot);
  const held = text === null ? null : heldIn(text, spot);
  const own: SecretMemento = {
    secret: described !== null,
    version: current,
    previous: versionWith('AWSPREVIOUS', described),
    labelled: versionWith(label, described),
    value: held === null ? null : held.token,
  };
  return {
    at,
    label,
    described,
    current,
    text: text === null ? null : new Secret(text),
    value: held === null ? null : new Secret(held.value),
    version: current,
    memento: own satisfies Memento,
    own,
  };
}

/** Why the secret is not to be written by Keyturn; null: it may be. */
export function refusalOf(
  described: DescribeSecretResponse,
  spot: Spot,
  region: string,
  declared: DeclaredAws,
): string | null {
  const named = secretNamed(spot.name);
  const account = otherAccount(described.ARN, 'secretsmanager', named?.account ?? declared.account);
  if (account !== null) return account;
  if (described.Name !== named?.name) return `its ARN is not a whole one: AWS means the secret ${described.Name} by it`;
  if (described.OwningService) return `it is managed by the service ${described.OwningService} of AWS`;
  if (described.Type) return `it is a managed external secret, which AWS rotates with ${described.Type}`;
  if (described.RotationEnabled) {
    return 'AWS rotates it by itself, and two rotations would fight; end that one (aws secretsmanager cancel-rotate-secret)';
  }
  if (described.PrimaryRegion && described.PrimaryRegion !== region) {
    return `it is a replica, which AWS keeps; the secret itself is in ${described.PrimaryRegion}`;
  }
  return null;
}

export const noneOfThatArn = 'there is none of that ARN, and a new one gets its ARN from AWS';
export const bytesNotText = 'it holds bytes (SecretBinary) and not text';
export const markedForDeletion =
  'it is marked for deletion; bring it back (aws secretsmanager restore-secret), or wait until it is gone';

export function isMarkedForDeletion(described: DescribeSecretResponse | null): boolean {
  return described?.DeletedDate !== undefined;
}

export function versionWith(label: string, described: DescribeSecretResponse | null): string | null {
  const entries = Object.entries(described?.VersionIdsToStages ?? {});
  return entries.find(([, labels]) => labels.includes(label))?.[0] ?? null;
}
