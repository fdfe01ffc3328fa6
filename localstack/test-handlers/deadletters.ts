import { ENV, leave, type SqsEvent } from "./probe.ts";

export const handler = async ({ Records }: SqsEvent) => {
  for (const { body } of Records) await leave(ENV.executionsTable, "dead", body);
  return { batchItemFailures: [] };
};
