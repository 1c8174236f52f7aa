import { fault } from '../errors/keyturn-error.ts';
import type { ApiKey } from './management-api.ts';
import type { Requests } from './management-request.ts';
import { scanToEmptyPage } from './scan.ts';
import { keysAnswer } from './schemas.ts';

/** A busy account changes during every scan. Each costs two requests or more, so there has to be an end. */
const maxScans = 5;

/**
 * Every key of a workspace, disabled ones included.
 *
 * A key deleted during a scan moves the rows behind it up, and one slips past unseen (facts §3.2): the list is read
 * until two scans in a row found the same keys. Where that does not happen in five scans, it is every key that any of
 * them saw: a key too many answers 404 to whoever asks for it, a key too few would be an orphan overlooked.
 */
export async function listKeys(requests: Requests, workspace: string | null): Promise<ApiKey[]> {
  const seen = new Map<string, ApiKey>();
  let before: ApiKey[] | undefined;

  for (let scan = 0; scan < maxScans; scan += 1) {
    const keys = await scanToEmptyPage(
      (offset) => requests.ask({ operation: 'listKeys', method: 'GET', path: pagePath(workspace, offset) }, keysAnswer),
      (key) => key.hash,
    );
    if (keys === null) throw fault('KEYTURN_OPENROUTER_UNAVAILABLE', 'list keys', 'the list has no end');
    if (before !== undefined && sameKeys(before, keys)) return keys;
    for (const key of keys) seen.set(key.hash, key);
    before = keys;
  }
  return [...seen.values()];
}

/** `include_disabled` is always sent: its default is not documented, and orphans are disabled first (facts §3.2). */
function pagePath(workspace: string | null, offset: number): string {
  const query = new URLSearchParams({ include_disabled: 'true', offset: String(offset) });
  if (workspace !== null) query.set('workspace_id', workspace);
  return `/keys?${query}`;
}

function sameKeys(one: ApiKey[], other: ApiKey[]): boolean {
  const hashes = new Set(one.map((key) => key.hash));
  return one.length === other.length && other.every((key) => hashes.has(key.hash));
}
