/**
 * The items of a joined call: those of different executions side by side, each is a write of its own and waits for its
 * own round trip; those of one execution in their order. Answers in the order of the items.
 */
export async function serialPerExecution<Item extends { readonly execution: string }, Answer>(
  items: readonly Item[],
  work: (item: Item) => Promise<Answer>,
): Promise<Answer[]> {
  const answers: Answer[] = new Array(items.length);
  const lanes = Map.groupBy(items.keys(), (i) => items[i]!.execution);
  await Promise.all(
    [...lanes.values()].map(async (lane) => {
      for (const i of lane) answers[i] = await work(items[i]!);
    }),
  );
  return answers;
}
