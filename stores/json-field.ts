/** One member of an object: from where its name begins to where its value ends, in the text. */
type Member = { name: string; from: number; valueFrom: number; to: number };

/** What a field holds: `token` is its spelling in the text, quotes and escapes included. */
export type HeldField = { value: string; token: string };

/** The text is no object in JSON, or the field no string: said without a character of it. */
export class NotAField extends Error {
  override readonly name = 'NotAField';
}

/**
 * One top-level field of a JSON object that others write too. The text is edited and never serialised anew: order, white
 * space, the spelling of numbers and everything else stay byte for byte. Of a name that is there twice the last counts, as
 * for `JSON.parse`.
 *
 * @throws NotAField
 */
export function fieldIn(text: string, name: string): HeldField | null {
  const member = membersOf(text).findLast((one) => one.name === name);
  if (member === undefined) return null;
  const token = text.slice(member.valueFrom, member.to);
  if (!token.startsWith('"')) throw new NotAField('the field holds something that is not text');
  return { value: JSON.parse(token) as string, token };
}

/**
 * The text with the field set. A new one comes last, spaced as the one before it.
 *
 * @param token the spelling, where it is to be one that was there before
 */
export function withField(text: string, name: string, value: string, token = JSON.stringify(value)): string {
  const members = membersOf(text);
  const member = members.findLast((one) => one.name === name);
  if (member !== undefined) return text.slice(0, member.valueFrom) + token + text.slice(member.to);
  const last = members.at(-1);
  const opened = text.indexOf('{') + 1;
  if (last === undefined) return `${text.slice(0, opened)}${JSON.stringify(name)}:${token}${text.slice(opened)}`;
  const before = members.at(-2);
  const gap = text.slice(before === undefined ? opened : text.indexOf(',', before.to) + 1, last.from);
  const colon = /\s*:\s*$/.exec(text.slice(last.from, last.valueFrom))?.[0] ?? ':';
  return `${text.slice(0, last.to)},${gap}${JSON.stringify(name)}${colon}${token}${text.slice(last.to)}`;
}

/** The text without the field: exactly what it was before `withField` added it. */
export function withoutField(text: string, name: string): string {
  const members = membersOf(text);
  const at = members.findLastIndex((one) => one.name === name);
  const member = members[at];
  if (member === undefined) return text;
  const before = members[at - 1];
  const after = members[at + 1];
  // The last takes the comma before it along, any other the one behind it.
  const shorter =
    after === undefined
      ? text.slice(0, before?.to ?? member.from) + text.slice(member.to)
      : text.slice(0, member.from) + text.slice(after.from);
  return withoutField(shorter, name);
}

/** How many fields it has; null: it is no object in JSON. */
export function fieldCount(text: string): number | null {
  try {
    return membersOf(text).length;
  } catch {
    return null;
  }
}

function membersOf(text: string): Member[] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    // The parser's own message quotes the text.
    parsed = undefined;
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw new NotAField('it is not an object in JSON');
  }
  return [...members(text)];
}

/** Text outside of strings that opens, closes or separates, and whole strings: enough to find members of valid JSON. */
const tokens = /"(?:[^"\\]|\\.)*"|[{}[\],:]/g;

function* members(text: string): Generator<Member> {
  let depth = 0;
  let open: { name: string; from: number; valueFrom: number } | null = null;
  for (const { 0: token, index } of text.matchAll(tokens)) {
    if (depth === 1 && open === null && token.startsWith('"')) {
      open = { name: JSON.parse(token) as string, from: index, valueFrom: -1 };
    } else if (depth === 1 && open?.valueFrom === -1) {
      const colonTo = index + 1;
      open.valueFrom = colonTo + (/^\s*/.exec(text.slice(colonTo))?.[0].length ?? 0);
    } else if (depth === 1 && open !== null && (token === ',' || token === '}')) {
      yield { ...open, to: text.slice(0, index).trimEnd().length };
      open = null;
    }
    if (token === '{' || token === '[') depth++;
    if (token === '}' || token === ']') depth--;
  }
}
