/** What an execution has cost on AWS, by the arithmetic of `docs/costs.md`: list prices of us-east-1 without free tiers. */
import type { ExecutionCost } from "../../../shared/protocol/cost.ts";

/** Dollars per million. A test compares them with those of the benchmarks. */
export const PER_MILLION = { writeUnit: 0.625, readUnit: 0.125, sqsRequest: 0.4, workerCall: 0.2533336 } as const;
/** SQS bills the send, the receipt and the deletion of a task. */
const REQUESTS_OF_A_TASK = 3;

/** Dollars; null: the execution ran on one machine, which bills nothing. */
export function dollarsOf(cost: ExecutionCost): number | null {
  if (cost.write_units === null) return null;
  const millionths =
    cost.write_units * PER_MILLION.writeUnit +
    (cost.read_units ?? 0) * PER_MILLION.readUnit +
    cost.tasks * REQUESTS_OF_A_TASK * PER_MILLION.sqsRequest +
    cost.worker_calls * PER_MILLION.workerCall;
  return millionths / 1e6;
}

const counted = (n: number, one: string): string => `${n.toLocaleString("en")} ${one}${n === 1 ? "" : "s"}`;

/** `5 worker calls, 1 task, 13 write units, 2 read units`. */
export function costWords(cost: ExecutionCost): string {
  return [
    counted(cost.worker_calls, "worker call"),
    counted(cost.tasks, "task"),
    ...(cost.write_units === null ? [] : [counted(cost.write_units, "write unit")]),
    ...(cost.read_units === null ? [] : [counted(cost.read_units, "read unit")]),
    ...(cost.commits === null ? [] : [counted(cost.commits, "commit")]),
    ...(cost.bytes_written === null ? [] : [`${(cost.bytes_written / 1024).toFixed(1)} KiB written`]),
  ].join(", ");
}

/** Two digits that count: `$0.000012`. */
export const dollars = (amount: number): string =>
  `$${amount === 0 ? "0" : amount.toFixed(Math.max(2, 1 - Math.floor(Math.log10(amount))))}`;
