import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

/** An import of a project file. `typeOnly`: it is erased, and adds no code. */
export type Import = { specifier: string; typeOnly: boolean; isDynamic: boolean };

/** The imports of project files in a source, static and dynamic. That none of them makes a circle, the linter sees to. */
export function importsIn(text: string): Import[] {
  const statements =
    /(?:^|\n)\s*(?:import|export)\s+(type\s)?[^'";]*?from\s+'(\.[^']+)'|import\(\s*'(\.[^']+)'|import\s+'(\.[^']+)'/g;
  return [...text.matchAll(statements)].map(([, type, named, dynamic, bare]) => ({
    specifier: named ?? dynamic ?? bare ?? '',
    typeOnly: type !== undefined,
    isDynamic: dynamic !== undefined,
  }));
}

/**
 * A file and every file of the project that it imports as code, directly or through others. Absolute paths. `atOnce`: only
 * what is loaded with it, whatever it may load later.
 */
export function closureOf(file: string, { atOnce = false, seen = new Set<string>() } = {}): Set<string> {
  if (seen.has(file)) return seen;
  seen.add(file);
  for (const { specifier, typeOnly, isDynamic } of importsIn(readFileSync(file, 'utf8'))) {
    if (typeOnly || (atOnce && isDynamic)) continue;
    closureOf(resolve(dirname(file), specifier), { atOnce, seen });
  }
  return seen;
}
