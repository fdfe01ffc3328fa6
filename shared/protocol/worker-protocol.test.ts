import { expect, test } from "vitest";
import { commonProtocol, noCommonProtocol, PROTOCOLS } from "./worker-protocol.ts";

const [one, two, both, newer] = [
  { oldest: 1, newest: 1 },
  { oldest: 2, newest: 2 },
  { oldest: 1, newest: 2 },
  { oldest: 2, newest: 5 },
];

test.each([
  [undefined, one, 1],
  [undefined, both, 1],
  [undefined, two, null],
  [both, both, 2],
  [newer, both, 2],
  [newer, one, null],
  [one, newer, null],
])("VERSION-2: of worker %j and server %j it is %j", (worker, server, common) => {
  expect(commonProtocol(worker, server)).toBe(common);
});

test("VERSION-1: a worker that names no protocol works with this server", () => {
  expect(commonProtocol(undefined)).toBe(1);
  expect(commonProtocol(PROTOCOLS)).toBe(PROTOCOLS.newest);
});

test("the sentence says which side must be updated", () => {
  const sdk = "typescript/0.9.0";
  expect(noCommonProtocol({ ...newer, sdk }, { ...one, version: "0.1.0" })).toBe(
    "this worker (typescript/0.9.0) speaks worker protocol 2 to 5, and the server (0.1.0) 1: update the server first, or start this worker with the SDK of the server's version",
  );
  expect(noCommonProtocol({ ...one, sdk }, { ...two, version: "0.9.0" })).toMatch(
    /update the worker's SDK to the server's version$/,
  );
});
