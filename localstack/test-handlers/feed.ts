// Notes the keys of what it receives, so that a test can see the filter at work.
import { ENV, leave } from "./probe.ts";

interface StreamEvent {
  readonly Records: readonly { readonly dynamodb: { readonly Keys: { pk: { S: string }; sk: { S: string } } } }[];
}

export const handler = async ({ Records }: StreamEvent) => {
  for (const { dynamodb } of Records) await leave(ENV.feedTable, `fed ${dynamodb.Keys.pk.S}`, dynamodb.Keys.sk.S);
  return { batchItemFailures: [] };
};
