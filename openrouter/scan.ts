/** 100 rows a page make 100,000 keys; a server that ignores `offset` would otherwise be asked for ever. */
const maxPages = 1000;

/**
 * Every row of a list that is paged by `offset`, the first row first.
 * Neither a page's size nor a total is documented (facts §3.2): only an empty page is the end, and `offset` is how many
 * rows came. A row that moved between two pages is taken once. null: the list has no end.
 */
export async function scanToEmptyPage<Row>(
  readPage: (offset: number) => Promise<Row[]>,
  idOf: (row: Row) => string,
): Promise<Row[] | null> {
  const rows = new Map<string, Row>();
  let offset = 0;
  for (let page = 0; page < maxPages; page += 1) {
    const received = await readPage(offset);
    if (received.length === 0) return [...rows.values()];
    for (const row of received) rows.set(idOf(row), row);
    offset += received.length;
  }
  return null;
}
