/**
 * Does `work` for each item, `most` at a time: whoever has finished takes the next, so that one that takes long holds up
 * none of the others. Resolves when all are done; an error of `work` or of the items ends it, once what is under way is done.
 */
export async function forEachConcurrent<T>(
  most: number,
  items: AsyncIterable<T> | Iterable<T>,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const left = Symbol.asyncIterator in items ? items[Symbol.asyncIterator]() : items[Symbol.iterator]();
  let failed = false;
  const lane = async () => {
    try {
      for (let next = await left.next(); !next.done && !failed; next = await left.next()) await work(next.value);
    } catch (error) {
      failed = true;
      throw error;
    }
  };
  const lanes = await Promise.allSettled(Array.from({ length: most }, lane));
  for (const ended of lanes) if (ended.status === "rejected") throw ended.reason;
}
