import type { Right, Spot, StoreCheck } from '../store.ts';
import { isDone } from './answer.ts';
import {
  type Action,
  type Asked,
  isAbsent,
  isForbidden,
  isValueForbidden,
  ownedByRotation,
  readingFailed,
} from './classify.ts';
import type { DeclaredInfisical } from './declaration.ts';
import { wrongName } from './limits.ts';
import { type Found, Masked, madeByKeyturn, secretIn } from './secret-answer.ts';
import type { SecretsApi } from './secrets-api.ts';

type Tools = { api: SecretsApi; declared: DeclaredInfisical; asking: (action: Action) => Asked };
type Granted = { describeSecret: boolean | null; readValue: boolean | null };

const forWhat: Record<Action, string> = {
  describeSecret: 'see that the secret is there',
  readValue: 'see what it holds, and that a write arrived',
  create: 'make the secret, where it is not there',
  edit: 'write the value, and put it back',
  delete: 'take the secret out again, which is of its making',
};

/** Reading is tried. Infisical tells of no other right without a change being made. */
export async function checkSecret(spot: Spot, tools: Tools): Promise<StoreCheck> {
  const wrong = wrongName(spot);
  if (wrong !== null) return { rights: [], refusal: wrong, warnings: [] };
  const { granted, found } = await reading(spot, tools);
  const isTheirs = found !== null && found.comment !== madeByKeyturn;
  const right = (action: Action, is: boolean | null): Right => ({
    right: `secrets: ${action}`,
    to: forWhat[action],
    granted: is,
  });
  return {
    rights: [
      right('describeSecret', granted.describeSecret),
      right('readValue', granted.readValue),
      ...(found === null ? [right('create', null)] : []),
      right('edit', null),
      ...(isTheirs ? [] : [right('delete', null)]),
    ],
    refusal: found?.isRotated === true ? ownedByRotation : null,
    warnings: about(found),
  };
}

async function reading(
  spot: Spot,
  { api, declared, asking }: Tools,
): Promise<{ granted: Granted; found: Found | null }> {
  const asked = asking('readValue');
  const outcome = await api.ask(spot.name, true);
  // Whether a secret that is not there may be read is only told where it is there.
  if (isAbsent(outcome)) return { granted: { describeSecret: null, readValue: null }, found: null };
  if (isDone(outcome)) {
    try {
      const found = secretIn(outcome.json, spot.name, declared, asked);
      return { granted: { describeSecret: true, readValue: true }, found };
    } catch (error) {
      if (!(error instanceof Masked)) throw error;
      return { granted: { describeSecret: true, readValue: false }, found: null };
    }
  }
  if (!isValueForbidden(outcome) && !isForbidden(outcome)) throw readingFailed(outcome, asked);
  const without = await api.ask(spot.name, false);
  if (isDone(without)) return { granted: { describeSecret: true, readValue: false }, found: null };
  if (isForbidden(without) || isAbsent(without)) {
    return { granted: { describeSecret: false, readValue: isValueForbidden(outcome) ? false : null }, found: null };
  }
  throw readingFailed(without, asked);
}

function about(found: Found | null): string[] {
  if (found === null) return [];
  return [
    ...(found.value.includes('${')
      ? ['It holds a reference to another secret; Keyturn writes the key itself in its place.']
      : []),
    ...(found.hasMetadata
      ? [
          'It has metadata: where an approval policy holds a change of it, Infisical empties that when the change is merged.',
        ]
      : []),
  ];
}
