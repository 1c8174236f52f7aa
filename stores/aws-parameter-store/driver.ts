import type { Secret } from '../../secrets/secret.ts';
import { addressIn } from '../aws/address.ts';
import { refused } from '../aws/classify.ts';
import type { DeclaredAws } from '../aws/declaration.ts';
import { madeByKeyturn, withFormer, withValue } from '../aws/spot-text.ts';
import type { Driver, Put, Sending } from '../driver.ts';
import type { StoreContext } from '../kind.ts';
import type { StorePromises } from '../promises.ts';
import { inWords, type Spot } from '../store.ts';
import type { Parameters } from './api.ts';
import { checkParameter } from './check.ts';
import { parameterNamed } from './parameter-name.ts';
import { lookAt, type ParameterMemento, type ParameterSight } from './sight.ts';
import { deleteParameter, writeText } from './writing.ts';

export type DriverOptions = {
  declared: DeclaredAws;
  context: StoreContext;
  promises: StorePromises;
  parameters: Parameters;
};

export function parameterStoreDriver(options: DriverOptions): Driver<ParameterSight> {
  const { declared, context, promises, parameters } = options;
  const { name: store, time } = context;
  const writing = { store, parameters, declared, time, lagMs: promises.readsLagMs };

  async function putBack(spot: Spot, before: ParameterMemento, over: ParameterSight, sending: Sending): Promise<Put> {
    const isFirst = !before.parameter && over.found?.number === 1;
    if (isFirst && spot.field === null && isOurs(over)) return deleteParameter(over, sending, writing);
    return writeText(withFormer(textOf(over), spot, before.value), over, sending, writing);
  }

  return {
    name: store,
    kind: 'aws-parameter-store',
    promises,
    async addressOf(spot) {
      const named = parameterNamed(spot.name);
      if (named === null) throw refused({ store, place: inWords(spot) }, 'it is not the name or ARN of a parameter');
      const region = named.region ?? (await parameters.aws.region());
      // `/name` and `name` have one ARN.
      return addressIn('ssm', region, named.name.replace(/^\//, ''), declared);
    },
    check: (spot) => checkParameter(spot, { store, parameters, declared, context }),
    look: (spot) => lookAt(spot, writing),
    put: (spot, value, over, sending) => writeText(withValue(textOf(over), spot, value), over, sending, writing),
    putBack: (spot, memento, over, sending) => putBack(spot, memento as ParameterMemento, over, sending),
    async takeAway(spot, over, sending) {
      // Only a whole parameter: another policy may be about to write a second field, and DeleteParameter knows no condition.
      if (spot.field === null && isOurs(over)) return deleteParameter(over, sending, writing);
      return writeText(withFormer(textOf(over), spot, null), over, sending, writing);
    },
    close: async () => parameters.aws.close(),
  };
}

/** Made by Keyturn, and nobody has made it theirs since. */
function isOurs({ found }: ParameterSight): boolean {
  return found?.kept.Description === madeByKeyturn;
}

function textOf({ found }: ParameterSight): Secret | null {
  return found === null ? null : found.text;
}
