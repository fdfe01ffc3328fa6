/**
 * Processes the items of a batched call: different executions concurrently, because each write waits for its own round
 * trip; items of one execution one after the other. The answers are in the order of the items.
 */
export async function serialPerExecution<Item extends { readonly execution: string }, Answer>(
  items: readonly Item[],
  work: (item: Item) => Promise<Answer>,
): Promise<Answer[]> {
  if (items.length === 1) return [await work(items[0]!)];
  if (new Set(items.map(({ execution }) => execution)).size === items.length)
    return Promise.all(items.map((item) => work(item)));
  const answers: Answer[] = new Array(items.length);
  const byExecution = Map.groupBy(items.keys(), (i) => items[i]!.execution);
  await Promise.all(
    [...byExecution.values()].map(async (indexes) => {
      for (const i of indexes) answers[i] = await work(items[i]!);
    }),
  );
  return answers;
}
