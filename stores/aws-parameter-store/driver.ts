import { addressIn } from '../aws/address.ts';
import { refused } from '../aws/classify.ts';
import type { DeclaredAws } from '../aws/declaration.ts';
import type { Driver, Put, Sending } from '../driver.ts';
import { withField, withoutField } from '../json-field.ts';
import type { StoreContext } from '../kind.ts';
import type { StorePromises } from '../promises.ts';
import { inWords, type Spot } from '../store.ts';
import type { Parameters } from './api.ts';
import { checkParameter } from './check.ts';
import { parameterNamed } from './parameter-name.ts';
import { lookAt, madeByKeyturn, nothing, type ParameterMemento, type ParameterSight } from './sight.ts';
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
    return writeText(textWith(spot, before.value, over), over, sending, writing);
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
    put(spot, value, over, sending) {
      const plain = value.reveal();
      const text = spot.field === null ? plain : withField(over.found?.text.reveal() ?? nothing, spot.field, plain);
      return writeText(text, over, sending, writing);
    },
    putBack: (spot, memento, over, sending) => putBack(spot, memento as ParameterMemento, over, sending),
    async takeAway(spot, over, sending) {
      // Only a whole parameter: another policy may be about to write a second field, and DeleteParameter knows no condition.
      if (spot.field === null && isOurs(over)) return deleteParameter(over, sending, writing);
      return writeText(textWith(spot, null, over), over, sending, writing);
    },
    close: async () => parameters.aws.close(),
  };
}

/** Made by Keyturn, and nobody has made it theirs since. */
function isOurs({ found }: ParameterSight): boolean {
  return found?.kept.Description === madeByKeyturn;
}

/** The whole value with the spot as a memento has it; null: with nothing there. */
function textWith({ field }: Spot, token: string | null, { found }: ParameterSight): string {
  if (field === null) return token ?? nothing;
  const text = found?.text.reveal() ?? nothing;
  return token === null ? withoutField(text, field) : withField(text, field, '', token);
}
