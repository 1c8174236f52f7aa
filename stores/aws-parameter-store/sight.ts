import type { Parameter, ParameterMetadata } from '@aws-sdk/client-ssm';
import { fault } from '../../errors/keyturn-error.ts';
import { Secret } from '../../secrets/secret.ts';
import { elsewhere, otherAccount } from '../aws/address.ts';
import { refused } from '../aws/classify.ts';
import type { DeclaredAws } from '../aws/declaration.ts';
import { heldIn, whyNotIn } from '../aws/spot-text.ts';
import type { Waiting } from '../conditional-store.ts';
import type { Seen } from '../driver.ts';
import { inWords, type Memento, type Spot } from '../store.ts';
import type { At, Parameters } from './api.ts';
import { parameterNamed } from './parameter-name.ts';

export type ParameterMemento = {
  /** The parameter itself was there. */
  parameter: boolean;
  /** Of the spot: all of the value, or the field as it was spelt. */
  value: string | null;
};

export type ParameterSight = Seen & {
  at: At;
  /** null: there is no parameter. */
  found: Found | null;
  own: ParameterMemento;
};

/** What a write sends along, as it was: what is left out AWS sets to the account's defaults (facts §2.10). */
export type Found = {
  text: Secret;
  number: number;
  kept: Pick<ParameterMetadata, 'Type' | 'KeyId' | 'Tier' | 'Description' | 'AllowedPattern' | 'DataType'>;
};

const tries = 5;
const againMs = 300;

export type SightTools = { store: string; parameters: Parameters; declared: DeclaredAws; time: Waiting };

/** @throws KEYTURN_STORE_REFUSED it is no name, or leads elsewhere */
export async function parameterAt(spot: Spot, { store, parameters, declared }: Omit<SightTools, 'time'>): Promise<At> {
  const place = inWords(spot);
  const named = parameterNamed(spot.name);
  if (named === null) {
    throw refused({ store, place }, 'it is neither the name of a parameter that can be written nor an ARN of one');
  }
  const why = elsewhere(named, { region: await parameters.aws.region(), account: declared.account });
  if (why !== null) throw refused({ store, place }, why);
  return { name: named.name, place };
}

export async function lookAt(spot: Spot, tools: SightTools): Promise<ParameterSight> {
  const { store, parameters, declared, time } = tools;
  const at = await parameterAt(spot, tools);
  for (let attempt = 1; ; attempt++) {
    const parameter = await parameters.get(at);
    if (parameter === null) return sightOf(spot, at, null);
    const why = refusalOf(parameter, spot, declared);
    if (why !== null) throw refused({ store, place: at.place }, why);
    const described = await parameters.describe(at);
    // Either may lag behind (facts §2.6): an old value would be put back one day, and over a parameter that is not listed a
    // write would change tier and key.
    const isOld = described === null || (described.Version ?? 0) > (parameter.Version ?? 0);
    if (!isOld) return sightOf(spot, at, foundIn(parameter, described));
    if (attempt === tries)
      throw fault('KEYTURN_STORE_UNAVAILABLE', store, 'it shows an older value, or does not list it yet');
    await time.wait(againMs);
  }
}

function sightOf(spot: Spot, at: At, found: Found | null): ParameterSight {
  const held = found === null ? null : heldIn(found.text.reveal(), spot);
  const own: ParameterMemento = { parameter: found !== null, value: held === null ? null : held.token };
  return {
    at,
    found,
    value: held === null ? null : new Secret(held.value),
    version: found === null ? null : String(found.number),
    memento: own satisfies Memento,
    own,
  };
}

function foundIn({ Value, Version }: Parameter, described: ParameterMetadata): Found {
  const { Type, KeyId, Tier, Description, AllowedPattern, DataType } = described;
  const kept = { Type, KeyId, Tier, Description, AllowedPattern, DataType };
  return { text: new Secret(Value ?? ''), number: Version ?? 0, kept };
}

/** Why the parameter is not to be written by Keyturn; null: it may be. */
export function refusalOf({ ARN, Type, DataType, Value }: Parameter, spot: Spot, declared: DeclaredAws): string | null {
  const account = otherAccount(ARN, 'ssm', parameterNamed(spot.name)?.account ?? declared.account);
  if (account !== null) return account;
  if (Type === 'StringList') return 'it is a list (StringList), and a key is no list';
  if (DataType?.startsWith('aws:')) return `it is of the data type ${DataType}, which is not for secrets`;
  return whyNotIn(Value ?? '', spot);
}
