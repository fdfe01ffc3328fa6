import { expect, test } from "vitest";
import { batchItemFailures, changeOf, type StreamRecord } from "./feed-records.ts";

const record = (eventName: string, sk: string, image: Record<string, unknown> = {}): StreamRecord => ({
  eventName,
  dynamodb: {
    SequenceNumber: "7",
    ApproximateCreationDateTime: 12,
    Keys: { sk: { S: sk } },
    NewImage: { pk: { S: "w#e" }, sk: { S: sk }, ...image },
  },
});
const FRESH = { fresh: { BOOL: true } };

test("a new batch, a new progress report and a head until its first claim go to the feed, with the record's number and time", () => {
  const batch = { batch: { M: { z: { B: Buffer.from("packed").toString("base64") } } } };
  const change = changeOf(record("INSERT", "LOG#run#00000002", batch));
  expect(change).toMatchObject({ id: "7", at: 12_000, image: { sk: { S: "LOG#run#00000002" } } });
  expect(change!.image.batch).toEqual({ M: { z: { B: new Uint8Array(Buffer.from("packed")) } } });
  expect(changeOf(record("INSERT", "PROGRESS#run#publish#1"))).not.toBeNull();
  expect(changeOf(record("INSERT", "HEAD", FRESH))).not.toBeNull();
});

test("a modified head goes to the feed until its first claim: after a start over a closed execution, or a wake-up", () => {
  expect(changeOf(record("MODIFY", "HEAD", FRESH))).not.toBeNull();
});

test("a head that takes the closing batch of its run goes to the feed as that batch, and a copy of such a head does not", () => {
  const closing = { M: { first: { N: "5" }, n: { N: "2" }, bytes: { N: "99" }, batch: { S: "{}" } } };
  const head = { run: { S: "r" }, status: { S: "COMPLETED" }, closing };
  expect(changeOf(record("MODIFY", "HEAD", head))!.image).toEqual({
    pk: { S: "w#e" },
    sk: { S: "LOG#r#00000005" },
    n: { N: "2" },
    bytes: { N: "99" },
    batch: { S: "{}" },
  });
  expect(changeOf(record("INSERT", "HEAD", head))).toBeNull();
  expect(changeOf(record("INSERT", "RUN#r", head))).toBeNull();
});

test("a head after its first claim and every other item of an execution are left out", () => {
  expect(changeOf(record("MODIFY", "HEAD"))).toBeNull();
  for (const sk of ["RUN#run", "IN#chain#signal", "ACT#run#1", "EXPIRE#run", "POINTER", "ANSWER"]) {
    expect(changeOf(record("INSERT", sk)), sk).toBeNull();
  }
});

test("a batch that gets its expiry, long after it was shown, is not shown again", () => {
  expect(changeOf(record("MODIFY", "LOG#run#00000002", { ttl: { N: "1" } }))).toBeNull();
  expect(changeOf(record("MODIFY", "PROGRESS#run#publish#1"))).toBeNull();
});

test("a deleted item shows nothing", () => {
  const { dynamodb, ...rest } = record("REMOVE", "LOG#run#00000002");
  const { NewImage: _, ...left } = dynamodb;
  expect(changeOf({ ...rest, dynamodb: left })).toBeNull();
});

const numbered = (SequenceNumber: string): StreamRecord => {
  const { dynamodb, ...rest } = record("INSERT", "LOG#run#00000002");
  return { ...rest, dynamodb: { ...dynamodb, SequenceNumber } };
};

test("records to deliver again are named, so that Lambda does not repeat those before them", () => {
  const batch = ["1", "2", "3"].map(numbered);
  expect(batchItemFailures(batch, [])).toEqual({ batchItemFailures: [] });
  expect(batchItemFailures(batch, ["3", "2"])).toEqual({
    batchItemFailures: [{ itemIdentifier: "3" }, { itemIdentifier: "2" }],
  });
});

test("a batch whose first record fails is an error, so that Lambda halves it, until that record is alone", () => {
  expect(() => batchItemFailures(["1", "2"].map(numbered), ["1"])).toThrow(
    "record 1, the first of 2, was not appended",
  );
  expect(batchItemFailures([numbered("1")], ["1"])).toEqual({ batchItemFailures: [{ itemIdentifier: "1" }] });
});
