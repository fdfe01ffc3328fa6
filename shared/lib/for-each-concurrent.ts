/**
 * Calls `work` for each item, `most` at a time. Each of `most` loops takes the next item when its last is done, so that a
 * slow item delays no other. Resolves when all are done. After an error of `work` or of the items it begins no further
 * item, waits for those under way and rejects.
 */
export async function forEachConcurrent<T>(
  most: number,
  items: AsyncIterable<T> | Iterable<T>,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const iterator = Symbol.asyncIterator in items ? items[Symbol.asyncIterator]() : items[Symbol.iterator]();
  let failed = false;
  const loop = async () => {
    try {
      for (let next = await iterator.next(); !next.done && !failed; next = await iterator.next())
        await work(next.value);
    } catch (error) {
      failed = true;
      throw error;
    }
  };
  const loops = await Promise.allSettled(Array.from({ length: most }, loop));
  for (const ended of loops) if (ended.status === "rejected") throw ended.reason;
}
