import { ENV, type SqsEvent, writeItem } from "./probe.ts";

export const handler = async ({ Records }: SqsEvent) => {
  for (const { body } of Records) await writeItem(ENV.executionsTable, "dead", body);
  return { batchItemFailures: [] };
};
