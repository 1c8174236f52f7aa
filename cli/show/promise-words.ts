import { formatDuration } from '../../policy/time/duration.ts';
import type { ReadersFollow, StorePromises } from '../../stores/promises.ts';

/** What a store can keep, in a sentence. */
export function promiseWords(promises: StorePromises): string {
  const { readsBack, comparesAndSets, fences, owns, versions, readsLagMs } = promises;
  return [
    readsBack ? 'shows what it holds' : 'never shows a value',
    comparesAndSets ? 'refuses a write over what has changed' : 'takes any write',
    fences ? 'refuses late writes' : 'an undo waits for late writes to die',
    owns ? 'knows its owners' : 'places are leased by Keyturn',
    versions ? 'keeps versions' : 'keeps no versions',
    ...(readsLagMs > 0 ? [`may show an older value for ${formatDuration(readsLagMs)}`] : []),
  ].join('; ');
}

export function followWords(follow: ReadersFollow): string {
  switch (follow.at) {
    case 'once':
      return 'at once';
    case 'within':
      return `within ${formatDuration(follow.ms)}`;
    case 'restart':
      return 'when they are restarted';
    case 'redeploy':
      return 'when they are deployed again';
  }
}
