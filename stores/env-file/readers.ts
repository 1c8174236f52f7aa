import { parseEnv } from 'node:util';
import { parse } from 'dotenv';

type Variables = Map<string, string>;

/**
 * Programs read such files by rules of their own, which differ for quotes that are never closed, text behind a closing
 * quote, comments with quotes in them. Two of them stand here for all: Node, and dotenv with those who copied it.
 *
 * @returns whether, after the change, both have `value` for `name`, and everything else as before
 */
export function isReadAlike(before: string, after: string, name: string, value: string): boolean {
  return [byNode, byDotenv].every((read) => {
    const [old, is] = [read(before), read(after)];
    const others = ([other]: [string, string]) => other !== name;
    const same = JSON.stringify([...old].filter(others).sort()) === JSON.stringify([...is].filter(others).sort());
    return same && is.get(name) === value;
  });
}

function byNode(text: string): Variables {
  return new Map(Object.entries(parseEnv(text)) as [string, string][]);
}

function byDotenv(text: string): Variables {
  return new Map(Object.entries(parse(text)));
}
