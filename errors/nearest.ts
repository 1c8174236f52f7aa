/** How many names a person is shown where there may be thousands. */
const most = 3;

/**
 * What there is instead of `wanted`: the names that it was most probably meant to be, else the first ones there are, and
 * how many others. The end of an error's sentence.
 */
export function nearest(wanted: string, known: readonly string[]): string {
  if (known.length === 0) return 'There is none yet.';
  const near = known
    .map((name) => ({ name, distance: distanceOf(wanted, name) }))
    .filter(({ name, distance }) => distance <= 1 + Math.floor(Math.max(wanted.length, name.length) / 3))
    .sort((a, b) => a.distance - b.distance || (a.name < b.name ? -1 : 1))
    .slice(0, most)
    .map(({ name }) => name);
  const shown = near.length > 0 ? near : [...known].sort().slice(0, most);
  const others = known.length - shown.length;
  const more = others === 0 ? '' : ` There ${others === 1 ? 'is 1 other' : `are ${others} others`}.`;
  return near.length > 0 ? `Did you mean ${either(near)}?${more}` : `Known: ${shown.join(', ')}.${more}`;
}

function either(names: readonly string[]): string {
  return names.length === 1 ? names.join() : `${names.slice(0, -1).join(', ')} or ${names.at(-1)}`;
}

/**
 * How much must change for one name to become the other: what one has before, after or between the other's parts
 * (`checkout`, `checkout-eu`) counts as one change.
 */
function distanceOf(one: string, other: string): number {
  const [a, b] = [one.toLowerCase(), other.toLowerCase()];
  if (a.length >= 3 && (b.includes(a) || a.includes(b))) return 1;
  let row = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const changed = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next[j] = Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, changed);
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
