import type { DeclaredStore } from '../stores/declared-store.ts';

/** A chain of stores, each of which has credentials in the next, from `first` back to one that it has been through. */
export function circleFrom(first: string, declared: Readonly<Record<string, DeclaredStore>>): string[] | undefined {
  const walk = (path: readonly string[]): string[] | undefined => {
    for (const next of storesNamedIn(declared[path.at(-1) ?? '']?.content)) {
      const whole = [...path, next];
      const circle = path.includes(next) ? whole : walk(whole);
      if (circle) return circle;
    }
    return undefined;
  };
  return walk([first]);
}

/** The stores that references in an entry lead to, wherever its kind has them. */
export function storesNamedIn(content: unknown): string[] {
  if (typeof content !== 'object' || content === null) return [];
  const { source, store } = content as { source?: unknown; store?: unknown };
  if (source === 'store' && typeof store === 'string') return [store];
  return Object.values(content).flatMap(storesNamedIn);
}
