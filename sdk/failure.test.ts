import { describe, expect, test } from "vitest";
import { Failure } from "../shared/protocol/history.ts";
import { isFailure } from "./errors.ts";
import { fromFailure, toFailure } from "./failure.ts";
import { ActivityError, CancelledError, ChildError, InvalidValueError, TimeoutError, WorkflowError } from "./index.ts";

class CardDeclined extends WorkflowError {}
class DbError extends Error {}

/** Records the error and reads it back. */
const recordedAndRead = (error: unknown) => fromFailure(Failure.parse(JSON.parse(JSON.stringify(toFailure(error)))));

describe("errors that are recorded and read back", () => {
  test("are instances of their class with their fields", () => {
    const original = new ActivityError('activity "charge" failed', {
      activity: "charge",
      number: 3,
      attempt: 2,
      reason: "failed",
      cause: new CardDeclined("declined", { details: { code: 51 }, retry: false }),
    });
    const error = recordedAndRead(original) as ActivityError;
    expect(error).toBeInstanceOf(ActivityError);
    expect(error).toMatchObject({
      message: original.message,
      activity: "charge",
      number: 3,
      attempt: 2,
      reason: "failed",
      stack: original.stack,
    });
    expect(error.cause).toBeInstanceOf(CardDeclined);
    expect(error.cause).not.toBeInstanceOf(TimeoutError);
    expect(error.cause).toMatchObject({ name: "CardDeclined", message: "declined", details: { code: 51 } });
  });

  test.each([
    new WorkflowError("x", { details: [1], retryAfter: "5s", retry: false }),
    new InvalidValueError("x", [{ path: [] }]),
    new ChildError("x", { workflow: "w", execution: "e", status: "TIMED_OUT" }),
    new TimeoutError("x", "heartbeat"),
    new CancelledError("because"),
    new CancelledError(),
    new TypeError("x"),
    new RangeError("x"),
  ])("$name keeps its class and fields", (original) => {
    const error = recordedAndRead(original);
    expect(error.constructor).toBe(original.constructor);
    expect({ ...error, message: error.message }).toEqual({ ...original, message: original.message });
  });

  test("an error of a class that the SDK does not know becomes an Error of that name", () => {
    const error = recordedAndRead(Object.assign(new DbError("gone"), { details: { table: "orders" } }));
    expect(error.constructor).toBe(Error);
    expect(error).toMatchObject({ name: "DbError", message: "gone", details: { table: "orders" } });
    expect(error).not.toBeInstanceOf(CardDeclined);
    expect(error).not.toBeInstanceOf(WorkflowError);
  });

  test("instanceof a user's class compares names only for errors that were recorded", () => {
    const impostor = Object.assign(new Error("x"), { name: "CardDeclined" });
    expect(impostor).not.toBeInstanceOf(CardDeclined);
    expect(new CardDeclined("x")).toBeInstanceOf(WorkflowError);
    expect("text").not.toBeInstanceOf(CardDeclined);
    expect(null).not.toBeInstanceOf(WorkflowError);
  });

  test("an error that was recorded is a failure when it is thrown again, and a fresh TypeError is a bug", () => {
    expect(isFailure(recordedAndRead(new TypeError("x")))).toBe(true);
    expect(isFailure(new TypeError("x"))).toBe(false);
  });

  test.each([
    ["a string", "boom", { type: "NonError", message: '"boom" was thrown' }],
    ["undefined", undefined, { type: "NonError", message: "undefined was thrown" }],
    ["an object", { code: 1 }, { type: "NonError", message: '{"code":1} was thrown' }],
    [
      "an error with a code",
      Object.assign(new Error("no"), { code: "ECONNREFUSED" }),
      { details: { code: "ECONNREFUSED" } },
    ],
    [
      "several errors",
      new AggregateError([new Error("first"), new Error("second")], "all"),
      { cause: { message: "first" } },
    ],
    [
      "details that JSON cannot hold",
      new WorkflowError("x", { details: { n: 1n } }),
      { type: "WorkflowError", message: "x" },
    ],
  ])("%s has a recordable form", (_, thrown, failure) => {
    expect(toFailure(thrown)).toMatchObject(failure);
    expect(Failure.safeParse(toFailure(thrown)).success).toBe(true);
  });

  test("cycles of causes and very long messages are cut", () => {
    const loop = new Error("loop");
    loop.cause = loop;
    expect(JSON.stringify(toFailure(loop)).length).toBeLessThan(60_000);
    expect(toFailure(new Error("x".repeat(1e6))).message.length).toBeLessThan(21_000);
  });

  test("the types that the engine records for a passed limit and a cancellation become the SDK's errors", () => {
    expect(fromFailure({ type: "Timeout", message: "late" })).toBeInstanceOf(TimeoutError);
    expect(fromFailure({ type: "Cancelled", message: "no" })).toBeInstanceOf(CancelledError);
    expect(fromFailure({ message: "plain" })).toBeInstanceOf(Error);
    expect(fromFailure({ type: "toString", message: "plain" })).toMatchObject({ name: "toString" });
  });
});
