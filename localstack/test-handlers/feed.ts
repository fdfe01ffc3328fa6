// Writes the key and the kind of each record to the table Feed, so that a test can check the filter of the event source.
import { ENV, writeItem } from "./probe.ts";

interface StreamEvent {
  readonly Records: readonly {
    readonly eventName: string;
    readonly dynamodb: { readonly Keys: { pk: { S: string }; sk: { S: string } } };
  }[];
}

export const handler = async ({ Records }: StreamEvent) => {
  for (const { eventName, dynamodb } of Records) {
    const { pk, sk } = dynamodb.Keys;
    await writeItem(ENV.feedTable, `fed ${pk.S}`, sk.S, eventName);
  }
  return { batchItemFailures: [] };
};
