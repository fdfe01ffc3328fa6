import { expect, test } from "vitest";
import { LAMBDA_MS, lambdaDollars, PRICES } from "../../../bench/prices.ts";
import { costWords, dollars, dollarsOf, PER_MILLION } from "./price.ts";

const units = { worker_calls: 5, tasks: 1, write_units: 13, read_units: 2, commits: null, bytes_written: null };

test("the prices are those of the benchmarks", () => {
  expect(PER_MILLION.writeUnit).toBe(PRICES.perMillion.dynamoWriteUnit);
  expect(PER_MILLION.readUnit).toBe(PRICES.perMillion.dynamoReadUnit);
  expect(PER_MILLION.sqsRequest).toBe(PRICES.perMillion.sqsRequest);
  expect(PER_MILLION.workerCall).toBeCloseTo(lambdaDollars(1e6, LAMBDA_MS.worker), 6);
});

test("an execution on AWS has a price, and one on one machine has none", () => {
  expect(dollarsOf(units)).toBeCloseTo((13 * 0.625 + 2 * 0.125 + 3 * 0.4 + 5 * 0.2533336) / 1e6, 12);
  expect(dollarsOf({ ...units, write_units: null, read_units: null, commits: 6, bytes_written: 3_174 })).toBeNull();
});

test("counts are told in words, and small amounts with two digits that count", () => {
  expect(costWords(units)).toBe("5 worker calls, 1 task, 13 write units, 2 read units");
  expect(costWords({ ...units, write_units: null, read_units: null, commits: 6, bytes_written: 3_174 })).toBe(
    "5 worker calls, 1 task, 6 commits, 3.1 KiB written",
  );
  expect([0, 0.0000108, 0.00123, 1.5].map(dollars)).toEqual(["$0", "$0.000011", "$0.0012", "$1.50"]);
});
