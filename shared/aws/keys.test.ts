import { expect, test } from "vitest";
import { uuid7 } from "../lib/uuid.ts";
import { messageKey, needsPointer, pkOf, refOf, runsShardOf, timeOf } from "./keys.ts";
import { queueArn, queueName } from "./queue-names.ts";

const ref = { workspace: "0190a000-0000-7000-8000-00000000da7a", execution: "x-1_2" };

test("a partition key reads back to its execution", () => {
  expect(refOf(pkOf(ref))).toEqual(ref);
});

test("a UUID of version 7 contains its time, any other id contains none", () => {
  const now = 1_800_000_000_123;
  expect(timeOf(uuid7(now))).toBe(now);
  expect(timeOf("b1c0f3a0-7a64-4a6e-9d0e-0f1b2c3d4e5f")).toBeUndefined();
  expect(timeOf("not an id")).toBeUndefined();
});

test("a run whose id does not contain its start needs a pointer", () => {
  const now = 1_800_000_000_000;
  expect(needsPointer(uuid7(now), now - 3)).toBe(false);
  expect(needsPointer(uuid7(now), now - 60_000)).toBe(true);
  expect(needsPointer("b1c0f3a0-7a64-4a6e-9d0e-0f1b2c3d4e5f", now)).toBe(true);
});

test("the shard of an id never changes, since existing entries stay in theirs", () => {
  expect(runsShardOf("w", "0190a000-0000-7000-8000-00000000da7a")).toBe("w#2");
  expect(runsShardOf("w", "0190a000-0000-7000-8000-00000000da7b")).toBe("w#7");
});

test("a message id that would not fit into a sort key is replaced by its digest", () => {
  expect(messageKey(ref, "c", "signal#1").sk).toBe("IN#c#signal#1");
  const [a, b] = ["a", "b"].map((end) => messageKey(ref, "c", "x".repeat(2_000) + end).sk);
  expect(a!.length).toBeLessThan(100);
  expect(a).not.toBe(b);
});

test("a queue's name has 80 characters at most and differs by workspace, deployment and kind", () => {
  const prefix = `${"S".repeat(25)}-tasks-`;
  const long = { workspace: ref.workspace, deployment: "d".repeat(128), queue: "workflow" as const };
  const names = [
    long,
    { ...long, deployment: `${"d".repeat(127)}e` },
    { ...long, workspace: "other" },
    { ...long, queue: "activity" as const },
  ].map((queue) => queueName(prefix, queue));
  expect(new Set(names).size).toBe(4);
  for (const name of names) expect(name).toMatch(/^[A-Za-z0-9_-]{1,80}$/);
  expect(queueName("S-tasks-", { ...long, deployment: "shop" })).toMatch(/^S-tasks-shop-[0-9a-f]{16}-workflow$/);
});

test("a queue's ARN follows from that of its neighbour", () => {
  expect(queueArn("arn:aws:sqs:eu-west-1:123456789012:dead", "S-tasks-x")).toBe(
    "arn:aws:sqs:eu-west-1:123456789012:S-tasks-x",
  );
});
