import { expect, test } from 'vitest';
import { answer, clientOf, envelope, keyObject, type Script, startScriptedServer } from './scripted-server.ts';

const row = (n: number, changes = {}) => keyObject({ hash: `hash-${n}`, name: `key-${n}`, ...changes });
const rows = (count: number) => Array.from({ length: count }, (_, n) => row(n));
const hashesOf = (keys: { hash: string }[]) => keys.map(({ hash }) => hash).sort();

/** Serves `keys()` in pages of `pageSize`; `after` runs after each answer with how many came before it. */
const paged = (keys: () => object[], pageSize: number, after: (n: number) => void = () => {}): Script => {
  return (response, { query }, n) => {
    const offset = Number(query.get('offset'));
    answer(response, 200, { data: keys().slice(offset, offset + pageSize) });
    after(n);
  };
};

test('a list is read to an empty page, whatever the size of its pages', async () => {
  for (const pageSize of [1, 3, 100]) {
    await using server = await startScriptedServer(paged(() => rows(7), pageSize));
    await using client = clientOf(server.baseUrl);
    expect(hashesOf(await client.listKeys(null))).toEqual(hashesOf(rows(7)));
  }
});

test('a short page is not the end', async () => {
  const pages: Record<string, object[]> = { 0: [row(0), row(1)], 2: [row(2)], 3: [row(3), row(4)] };
  await using server = await startScriptedServer((response, { query }) =>
    answer(response, 200, { data: pages[query.get('offset') ?? ''] ?? [] }),
  );
  await using client = clientOf(server.baseUrl);
  expect(await client.listKeys(null)).toHaveLength(5);
});

test('disabled keys are asked for, and the workspace only where there is one', async () => {
  await using server = await startScriptedServer(paged(() => [], 100));
  await using client = clientOf(server.baseUrl);
  await client.listKeys(null);
  await client.listKeys('0b7f3c52-9a4e-4d18-8c6d-2f1e5a9b7c30');

  const [first, , last] = server.received;
  expect(Object.fromEntries(first?.query ?? [])).toEqual({ include_disabled: 'true', offset: '0' });
  expect(last?.query.get('workspace_id')).toBe('0b7f3c52-9a4e-4d18-8c6d-2f1e5a9b7c30');
});

test('a key that slips past because another is deleted during the scan is found by the next one', async () => {
  let keys = rows(6);
  // Pages of 2: after the first page its first row goes, so what was third becomes second and is skipped.
  await using server = await startScriptedServer(
    paged(
      () => keys,
      2,
      (n) => {
        if (n === 0) keys = keys.slice(1);
      },
    ),
  );
  await using client = clientOf(server.baseUrl);
  expect(hashesOf(await client.listKeys(null))).toEqual(['hash-1', 'hash-2', 'hash-3', 'hash-4', 'hash-5']);
});

test('a key that moves down a page because another is created is listed once', async () => {
  let keys = rows(4);
  await using server = await startScriptedServer(
    paged(
      () => keys,
      2,
      (n) => {
        if (n === 0) keys = [row(9), ...keys];
      },
    ),
  );
  await using client = clientOf(server.baseUrl);
  expect(hashesOf(await client.listKeys(null))).toEqual(['hash-0', 'hash-1', 'hash-2', 'hash-3', 'hash-9']);
});

test('an account that never rests is read a bounded number of times, and no key that was seen is left out', async () => {
  let made = 0;
  await using server = await startScriptedServer((response, { query }) => {
    if (query.get('offset') !== '0') return answer(response, 200, { data: [] });
    made += 1;
    answer(response, 200, { data: [row(0), row(made)] });
  });
  await using client = clientOf(server.baseUrl);

  const keys = await client.listKeys(null);
  expect(hashesOf(keys)).toEqual(['hash-0', 'hash-1', 'hash-2', 'hash-3', 'hash-4', 'hash-5']);
  expect(made).toBe(5);
});

test('a server that ignores the offset is not asked for ever', async () => {
  await using server = await startScriptedServer((response) => answer(response, 200, { data: [row(0)] }));
  await using client = clientOf(server.baseUrl);
  await expect(client.listKeys(null)).rejects.toMatchObject({ code: 'KEYTURN_OPENROUTER_UNAVAILABLE' });
});

test('a page that fails fails the list: half a list would hide orphans', async () => {
  await using server = await startScriptedServer((response, { query }) =>
    query.get('offset') === '0'
      ? answer(response, 200, { data: rows(2) })
      : answer(response, 500, envelope(500, 'Internal Server Error')),
  );
  await using client = clientOf(server.baseUrl);
  await expect(client.listKeys(null)).rejects.toMatchObject({ code: 'KEYTURN_OPENROUTER_UNAVAILABLE' });
});

test('a row that cannot be read fails the list, for the same reason', async () => {
  await using server = await startScriptedServer((response) =>
    answer(response, 200, { data: [row(0), row(1, { name: 7 })] }),
  );
  await using client = clientOf(server.baseUrl);
  await expect(client.listKeys(null)).rejects.toMatchObject({ code: 'KEYTURN_OPENROUTER_UNAVAILABLE' });
});
