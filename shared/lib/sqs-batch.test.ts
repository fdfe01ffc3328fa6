import { expect, test } from "vitest";
import { callInBatches, type ReceiptEntry } from "./sqs-batch.ts";

const receipts = Array.from({ length: 23 }, (_, n) => `workflow/${n}`);
const handleOf = (receipt: string) => receipt.slice("workflow/".length);

test("receipts go to SQS ten at a time, each as its handle", async () => {
  const calls: ReceiptEntry[][] = [];
  expect(await callInBatches(receipts, handleOf, async (entries) => void calls.push(entries))).toEqual([]);
  expect(calls.map((entries) => entries.length)).toEqual([10, 10, 3]);
  expect(calls.flat().map((entry) => entry.ReceiptHandle)).toEqual(receipts.map(handleOf));
});

test("receipts that SQS refused are answered, those that failed through SQS's own fault are not", async () => {
  const refused = await callInBatches(receipts, handleOf, async () => [
    { Id: "0", SenderFault: true },
    { Id: "1", SenderFault: false },
    { Id: "2" },
  ]);
  expect(refused).toEqual(["workflow/0", "workflow/2", "workflow/10", "workflow/12", "workflow/20", "workflow/22"]);
});
