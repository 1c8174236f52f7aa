import { placeKey } from './place.ts';
import type { Policy } from './policy.ts';

type Change = { field: string; held: string; asked: string };

/** Fields that keys and secrets already in use depend on: changing one would strand them. */
const fixedFields = ['name', 'connection', 'key.workspace'];

export function fixedFieldChange(held: Policy, asked: Policy): Change | null {
  return changesBetween(held, asked).find(({ field }) => fixedFields.includes(field)) ?? null;
}

/** The fields that differ, as paths of the policy file: `schedule.at`. */
export function changedFields(held: Policy, asked: Policy): string[] {
  return changesBetween(held, asked).map(({ field }) => field);
}

function changesBetween(held: Policy, asked: Policy): Change[] {
  const before = flattened(held);
  const after = flattened(asked);
  return [...before.keys()].flatMap((field) => {
    const [was, is] = [before.get(field) ?? '', after.get(field) ?? ''];
    return was === is ? [] : [{ field, held: was, asked: is }];
  });
}

function flattened(policy: Policy): Map<string, string> {
  const { version: _, schedule, key, secret, ...plain } = policy;
  const entries = [
    ...Object.entries(plain),
    ...Object.entries(schedule).map(([name, value]) => [`schedule.${name}`, value] as const),
    ...Object.entries(key).map(([name, value]) => [`key.${name}`, value] as const),
    ['secret.name', secret.name] as const,
    ['secret.stores', secret.places.map((place) => `${placeKey(place)}${place.required ? '' : '?'}`)] as const,
    ['secret.optional.waitFor', secret.optionalWaitMs] as const,
  ];
  return new Map(entries.map(([field, value]) => [field, String(value)]));
}
