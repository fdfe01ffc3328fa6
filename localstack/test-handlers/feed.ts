// Notes the keys of what it receives, and whether it was put or changed, so that a test can see the filter at work.
import { ENV, leave } from "./probe.ts";

interface StreamEvent {
  readonly Records: readonly {
    readonly eventName: string;
    readonly dynamodb: { readonly Keys: { pk: { S: string }; sk: { S: string } } };
  }[];
}

export const handler = async ({ Records }: StreamEvent) => {
  for (const { eventName, dynamodb } of Records) {
    const { pk, sk } = dynamodb.Keys;
    await leave(ENV.feedTable, `fed ${pk.S}`, sk.S, eventName);
  }
  return { batchItemFailures: [] };
};
