import { followWords } from '../cli/show/promise-words.ts';
import { localPromises } from '../stores/local/local-vault.ts';
import type { StorePromises } from '../stores/promises.ts';
import { storeKinds } from '../stores/registry.ts';

type Row = { kind: string; title: string; promises: StorePromises };

/** What each store can keep, as docs/stores.md shows it: node scripts/generate-stores-table.ts */
export function storesTable(): string {
  const local: Row = { kind: 'local', title: 'the local vault', promises: localPromises };
  const rows = [...storeKinds, local].map(({ kind, title, promises }) => {
    const { readsBack, comparesAndSets, fences, owns, versions, readsLagMs, readersFollow } = promises;
    const lag = readsLagMs === 0 ? 'no' : `${readsLagMs / 1_000} s`;
    const cells = [readsBack, comparesAndSets, fences, owns, versions].map((kept) => (kept ? 'yes' : 'no'));
    return [`\`${kind}\``, title, ...cells, lag, followWords(readersFollow)];
  });
  const head = [
    'kind',
    'store',
    'reads back',
    'compare and set',
    'fences',
    'owns',
    'versions',
    'reads lag',
    'readers follow',
  ];
  return `${[head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')}\n`;
}
