import { runInNewContext } from "node:vm";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Failure } from "../shared/protocol/history.ts";
import { isFailure } from "./errors.ts";
import { toFailure } from "./failure.ts";
import { ActivityError, CancelledError, ChildError, InvalidValueError, TimeoutError, WorkflowError } from "./index.ts";
import { payloadBytes } from "./json.ts";
import { fromFailure } from "./revive.ts";

class CardDeclined extends WorkflowError {}
class DbError extends Error {}

/** Records the error and reads it back. */
const recordedAndRead = (error: unknown) => fromFailure(Failure.parse(JSON.parse(JSON.stringify(toFailure(error)))));

describe("errors that are recorded and read back", () => {
  test("hold no half of a surrogate pair: not in messages, classes, stacks, causes, details, nor where a long text is cut", () => {
    const cut = "😀".slice(0, 1);
    const error = new WorkflowError(`a ${cut}`, { details: { [cut]: cut }, cause: new Error("😀".repeat(60_000)) });
    error.name = `Odd${cut}`;
    for (const thrown of [error, cut, new AggregateError([error], cut)])
      expect(JSON.stringify(toFailure(thrown))).not.toMatch(/(?<!\\)\\ud[89a-f]/);
    expect(toFailure(error)).toMatchObject({ message: "a \ufffd", details: { "\ufffd": "\ufffd" } });
  });

  test("are recorded although what they hold has no end", () => {
    let endless: unknown = "x";
    for (let i = 0; i < 60; i++) endless = { left: endless, right: endless };
    const holes = Object.assign([], { 4294967294: 1 });
    function* always() {
      for (;;) yield new Error("again");
    }
    expect(toFailure(endless)).toEqual({
      type: "NonError",
      message: "a value of type object was thrown",
      details: { left_out: expect.stringContaining("details has more than 2097152 bytes as JSON") },
    });
    expect(toFailure("x".repeat(5_000_000)).message).toMatch(/^"x{10000,}…/);
    expect(toFailure(new WorkflowError("x", { details: endless })).details).toHaveProperty("left_out");
    for (const errors of [always(), holes])
      expect(toFailure(Object.assign(new AggregateError([], "all"), { errors })).errors).toHaveLength(20);
  });

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

  test("ERRORS-1: are instances of each subclass of WorkflowError that their class extends, also thrown on", () => {
    class Payment extends WorkflowError {}
    class Other extends WorkflowError {}
    class Renamed extends Payment {
      constructor(message: string) {
        super(message);
        this.name = "payment/renamed";
      }
    }
    class Deepest extends Renamed {}
    class Invalid extends InvalidValueError {}
    class Stricter extends Invalid {}
    let error: unknown = new ChildError("x", {
      workflow: "w",
      execution: "e",
      status: "FAILED",
      cause: new Deepest("declined"),
    });
    let stricter: unknown = new Stricter("x");
    for (let recordings = 0; recordings < 3; recordings++) {
      error = recordedAndRead(error);
      stricter = recordedAndRead(stricter);
      const { cause } = error as Error;
      for (const Class of [Deepest, Renamed, Payment, WorkflowError]) expect(cause).toBeInstanceOf(Class);
      for (const Class of [Other, Invalid, InvalidValueError]) expect(cause).not.toBeInstanceOf(Class);
      expect(cause).toMatchObject({ name: "payment/renamed", message: "declined" });
      for (const Class of [Stricter, Invalid, InvalidValueError]) expect(stricter).toBeInstanceOf(Class);
    }
    // Histories of before have no list of classes, and most errors need none.
    expect(fromFailure({ type: "Deepest", base: "WorkflowError", message: "x" })).toBeInstanceOf(Deepest);
    expect(toFailure(new CardDeclined("x"))).not.toHaveProperty("classes");
  });

  test("keep ten names of classes at most, and cut long ones", () => {
    let Class: typeof WorkflowError = CardDeclined;
    for (let i = 0; i < 100; i++)
      Class = { [`C${i}${"x".repeat(1000)}`]: class extends Class {} }[`C${i}${"x".repeat(1000)}`]!;
    const { classes } = toFailure(new Class("x"));
    expect(classes!.length).toBeLessThanOrEqual(10);
    expect(Math.max(...classes!.map(({ length }) => length))).toBeLessThanOrEqual(201);
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
      { errors: [{ message: "first" }, { message: "second" }] },
    ],
    [
      "details that JSON cannot hold",
      new WorkflowError("x", { details: { n: 1n } }),
      {
        type: "WorkflowError",
        message: "x",
        details: { left_out: "details.n is a bigint, which JSON cannot hold: send it as a string." },
      },
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

  test("details that are too large as JSON are left out, with the reason", () => {
    const details = { head: "\0".repeat(500_000) };
    expect(toFailure(new WorkflowError("x", { details }))).toMatchObject({
      message: "x",
      details: { left_out: "the details have 3000011 bytes as JSON, an error may have 524288 in all" },
    });
  });

  test.each([
    "Cancelled",
    "Timeout",
    "TimeoutError",
    "CancelledError",
    "ActivityError",
    "TypeError",
    "toString",
  ])("a user's class called %s stays that class", (name) => {
    const Own = { [name]: class extends WorkflowError {} }[name]!;
    const error = recordedAndRead(new Own("no", { details: { at: "checkout" }, retry: false }));
    expect(error).toBeInstanceOf(Own);
    expect(error).toBeInstanceOf(WorkflowError);
    expect(error).toMatchObject({ name, message: "no", details: { at: "checkout" }, retry: false });
    const Plain = { [name]: class extends Error {} }[name]!;
    const plain = recordedAndRead(new Plain("no"));
    expect([plain.constructor, plain.name, plain.message]).toEqual([Error, name, "no"]);
  });

  test("an error of the platform under another name keeps both", () => {
    class NotFound extends RangeError {}
    expect(recordedAndRead(new NotFound("x"))).toBeInstanceOf(RangeError);
    expect(recordedAndRead(new NotFound("x")).name).toBe("NotFound");
    const aborted = recordedAndRead(new DOMException("late", "TimeoutError"));
    expect(aborted).toBeInstanceOf(DOMException);
    expect(aborted).not.toBeInstanceOf(TimeoutError);
    expect([aborted.name, aborted.message]).toEqual(["TimeoutError", "late"]);
  });

  test("errors of other realms keep class and message", () => {
    for (const code of ["null.x", "throw new RangeError('no')", "throw new (class X extends TypeError {})('no')"]) {
      const thrown = catching(() => runInNewContext(code)) as Error;
      const error = recordedAndRead(thrown);
      expect(error).toBeInstanceOf(code.includes("RangeError") ? RangeError : TypeError);
      expect(error.message).toBe(thrown.message);
    }
  });

  test("the members of an AggregateError keep class, message, cause and their own members", () => {
    const inner = new AggregateError([new TypeError("c")], "inner");
    const members = [new CardDeclined("a", { details: 1 }), new Error("b", { cause: "why" }), inner];
    const error = recordedAndRead(new AggregateError(members, "all", { cause: new RangeError("d") })) as AggregateError;
    expect(error).toBeInstanceOf(AggregateError);
    expect(error.cause).toBeInstanceOf(RangeError);
    const [a, b, c] = error.errors;
    expect(a).toBeInstanceOf(CardDeclined);
    expect(a).toMatchObject({ message: "a", details: 1 });
    expect(b.cause).toMatchObject({ name: "NonError", message: '"why" was thrown', details: "why" });
    expect(c.errors[0]).toBeInstanceOf(TypeError);
  });

  test("an AggregateError is a failure when all its members are", () => {
    expect(isFailure(new AggregateError([new CardDeclined("a"), recordedAndRead(new TypeError("b"))]))).toBe(true);
    expect(isFailure(new AggregateError([new CardDeclined("a"), new TypeError("b")]))).toBe(false);
    expect(isFailure(new AggregateError([]))).toBe(false);
  });

  const hostile: [string, () => unknown][] = [
    ["frozen", () => Object.freeze(new TypeError("x"))],
    ["throwing getters", () => throwing(new TypeError("x"), ["message", "name", "stack", "cause", "details", "code"])],
    ["a throwing constructor", () => throwing(new Error("x"), ["constructor"])],
    ["a proxy of an error", () => new Proxy(new TypeError("x"), {})],
    ["a revoked proxy", () => revoked()],
    ["a proxy with throwing traps", () => new Proxy(new Error("x"), { get: fail, getPrototypeOf: fail, has: fail })],
    ["a message that is no text", () => Object.assign(new Error(), { message: Object.create(null) })],
    ["a symbol as message", () => Object.assign(new Error(), { message: Symbol("x") })],
    ["an AggregateError without a list", () => Object.assign(new AggregateError([]), { errors: 5 })],
    ["an object without prototype", () => Object.create(null)],
    ["a cycle", () => Object.assign(new Error("x"), { details: loop() })],
    ["a bigint", () => ({ n: 1n })],
    ["a symbol", () => Symbol("x")],
    ["a function", () => () => {}],
  ];
  test.each(hostile)("%s can be recorded, read, and is judged", (_, make) => {
    const failure = toFailure(make());
    expect(Failure.parse(JSON.parse(JSON.stringify(failure)))).toEqual(failure);
    expect(fromFailure(failure)).toBeInstanceOf(Error);
    expect(isFailure(make())).toBe(false);
  });

  test("whatever is thrown is recorded within its bounds, and read back it is recorded as the same again", () => {
    const leaf = fc.oneof(
      fc.anything({ withBigInt: true, withDate: true, withMap: true, withSet: true, withNullPrototype: true }),
      fc.string({ unit: "binary", maxLength: 30_000 }).map((text) => new Error(text)),
    );
    const { error } = fc.letrec<{ error: unknown }>((tie) => ({
      error: fc.oneof(
        { maxDepth: 4 },
        leaf,
        fc
          .tuple(
            fc.constantFrom(Error, TypeError, WorkflowError, CardDeclined, DbError, InvalidValueError),
            fc.string(),
            tie("error"),
          )
          .map(([Class, message, cause]) => Object.assign(new Class(message), { cause })),
        fc
          .tuple(fc.array(tie("error"), { maxLength: 4 }), fc.string())
          .map(([errors, message]) => new AggregateError(errors, message)),
      ),
    }));
    fc.assert(
      fc.property(error, (thrown) => {
        const failure = JSON.parse(JSON.stringify(toFailure(thrown)));
        expect(Failure.parse(failure)).toEqual(failure);
        expect(payloadBytes(failure)).toBeLessThan(1024 * 1024);
        expect(JSON.parse(JSON.stringify(toFailure(fromFailure(failure))))).toEqual(failure);
      }),
      { numRuns: 60 },
    );
  });

  test("the types that the engine records for a passed limit and a cancellation become the SDK's errors", () => {
    expect(fromFailure({ type: "Timeout", message: "late" })).toBeInstanceOf(TimeoutError);
    expect(fromFailure({ type: "Cancelled", message: "no" })).toBeInstanceOf(CancelledError);
    expect(fromFailure({ message: "plain" })).toBeInstanceOf(Error);
    expect(fromFailure({ type: "toString", message: "plain" })).toMatchObject({ name: "toString" });
  });
});

function catching(fn: () => unknown): unknown {
  try {
    return fn();
  } catch (error) {
    return error;
  }
}
const fail = () => {
  throw new Error("not to be read");
};
const throwing = (error: Error, keys: string[]) => {
  for (const key of keys) Object.defineProperty(error, key, { get: fail });
  return error;
};
const revoked = () => {
  const { proxy, revoke } = Proxy.revocable(new Error("x"), {});
  revoke();
  return proxy;
};
const loop = () => {
  const value: { self?: unknown } = {};
  value.self = value;
  return value;
};
