import { expect, test } from "vitest";
import { changeOf, comeAgain, type StreamRecord } from "./feed-records.ts";

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

test("what begins, is logged or reported for the first time goes to the feed, under the record's number and time", () => {
  const batch = { batch: { M: { z: { B: Buffer.from("packed").toString("base64") } } } };
  const change = changeOf(record("INSERT", "LOG#run#00000002", batch));
  expect(change).toMatchObject({ id: "7", at: 12_000, image: { sk: { S: "LOG#run#00000002" } } });
  expect(change!.image.batch).toEqual({ M: { z: { B: new Uint8Array(Buffer.from("packed")) } } });
  expect(changeOf(record("INSERT", "PROGRESS#run#publish#1"))).not.toBeNull();
  expect(changeOf(record("INSERT", "HEAD", FRESH))).not.toBeNull();
});

test("a start over a closed execution changes its head, and so does a mark before the first claim", () => {
  expect(changeOf(record("MODIFY", "HEAD", FRESH))).not.toBeNull();
});

test("a head that was claimed, parked or closed, and what else stands with an execution, is left out", () => {
  expect(changeOf(record("MODIFY", "HEAD"))).toBeNull();
  for (const sk of ["RUN#run", "IN#chain#signal", "ACT#run#1", "EXPIRE#run", "POINTER", "ANSWER"]) {
    expect(changeOf(record("INSERT", sk)), sk).toBeNull();
  }
});

test("a log that is given its expiry, long after it was shown, is not shown again", () => {
  expect(changeOf(record("MODIFY", "LOG#run#00000002", { ttl: { N: "1" } }))).toBeNull();
  expect(changeOf(record("MODIFY", "PROGRESS#run#publish#1"))).toBeNull();
});

test("what is deleted shows nothing", () => {
  const { dynamodb, ...rest } = record("REMOVE", "LOG#run#00000002");
  const { NewImage: _, ...left } = dynamodb;
  expect(changeOf({ ...rest, dynamodb: left })).toBeNull();
});

const numbered = (SequenceNumber: string): StreamRecord => {
  const { dynamodb, ...rest } = record("INSERT", "LOG#run#00000002");
  return { ...rest, dynamodb: { ...dynamodb, SequenceNumber } };
};

test("records that come again are named, so that those before them do not", () => {
  const batch = ["1", "2", "3"].map(numbered);
  expect(comeAgain(batch, [])).toEqual({ batchItemFailures: [] });
  expect(comeAgain(batch, ["3", "2"])).toEqual({
    batchItemFailures: [{ itemIdentifier: "3" }, { itemIdentifier: "2" }],
  });
});

test("a batch whose first record fails is thrown back to be halved, and goes no further when that is alone", () => {
  expect(() => comeAgain(["1", "2"].map(numbered), ["1"])).toThrow("record 1, the first of 2");
  expect(comeAgain([numbered("1")], ["1"])).toEqual({ batchItemFailures: [{ itemIdentifier: "1" }] });
});
