/** Enough to hide the network, little beside what workers ask of a Temporal. */
const atOnce = 8;

/** Does `work` with each of `items`, a few at a time. */
export async function fewAtOnce<Item>(items: Iterable<Item>, work: (item: Item) => Promise<void>): Promise<void> {
  const left = [...items].values();
  const workers = Array.from({ length: atOnce }, async () => {
    for (const item of left) await work(item);
  });
  await Promise.all(workers);
}
