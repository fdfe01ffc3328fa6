/** Errors that cannot be read, and errors that no code awaits: they meet the execution that made them, and no other. */
import { EventEmitter } from "node:events";
import { createReadStream } from "node:fs";
import { describe, expect, test } from "vitest";
import { ActivityError, activity, on, query, signal, update, waitUntil, workflow } from "../index.ts";
import { environment } from "../testing/environment.ts";
import { consoleLog, steadyLog } from "./log.ts";

const revoked = () => {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
};
const withGetter = (key: string) =>
  Object.defineProperty(new Error("x"), key, {
    get() {
      throw new Error(`${key} cannot be loaded`);
    },
  });
const odd: [string, () => unknown][] = [
  ...["message", "name", "stack", "cause", "details", "code", "constructor"].map((key): [string, () => unknown] => [
    `whose ${key} throws when it is read`,
    () => withGetter(key),
  ]),
  ["that is a proxy which was revoked", revoked],
  ["whose cause is a proxy which was revoked", () => new Error("x", { cause: revoked() })],
  [
    "whose message cannot be turned into text",
    () => Object.defineProperty(new Error("x"), "message", { value: Object.create(null) }),
  ],
  ["without a prototype", () => Object.create(null)],
  ["that is a symbol", () => Symbol("odd")],
  ["that is undefined", () => undefined],
];

describe("an error", () => {
  test.each(odd)("%s fails the attempt, and the workflow catches it", async (_, make) => {
    const fails = activity({ name: "fails", retry: { maxAttempts: 1 } }, async () => {
      throw make();
    });
    const w = workflow({ name: "w" }, async () => {
      const error = await fails().catch((error: unknown) => error);
      return error instanceof ActivityError;
    });
    await using env = await environment({ workflows: [w], activities: [fails] });
    expect(await (await env.start(w, {})).result()).toBe(true);
  });

  test.each(
    odd,
  )("%s, thrown by workflow code, by a validator or by a query, stays with its execution", async (_, make) => {
    const u = update("u");
    const q = query("q");
    const s = signal("s");
    const bad = workflow({ name: "bad", handlers: [u, q, s], timeout: null }, async () => {
      const validate = () => {
        throw make();
      };
      on(u, () => null, { validate });
      on(q, () => {
        throw make();
      });
      let thrown = false;
      on(s, () => {
        thrown = true;
      });
      await waitUntil(() => thrown);
      throw make();
    });
    const good = workflow({ name: "good" }, async () => "fine");
    await using env = await environment({ workflows: [bad, good] });
    const run = await env.start(bad, {});
    await expect(run.update(u, {})).rejects.toThrow();
    await expect(run.query(q)).rejects.toThrow();
    await run.signal(s, {});
    await env.advance("1m");
    expect(await (await env.start(good, {})).result()).toBe("fine");
    const kinds = (await run.history()).map(({ kind }) => kind);
    expect(kinds).toContain("workflow_task_failed");
  });
});

describe("an activity that", () => {
  const calls: [string, () => unknown, boolean][] = [
    ["forgets a rejected promise", () => void Promise.reject(new Error("lost")), true],
    ["throws in a timer", () => setTimeout(() => boom()), false],
    ["throws in a microtask", () => queueMicrotask(() => boom()), false],
    ["throws in a tick", () => process.nextTick(() => boom()), false],
    ["does not listen to the error of a stream", () => createReadStream("/nowhere/at/all"), false],
    [
      "does not listen to the error of an emitter",
      () => setImmediate(() => new EventEmitter().emit("error", new Error("lost"))),
      false,
    ],
    ["throws in a callback something that cannot be read", () => setTimeout(() => raise(revoked())), false],
  ];
  const raise = (error: unknown) => {
    throw error;
  };
  const boom = () => raise(new Error("lost"));

  test.each(calls)("%s does not end the process", async (_, act, completes) => {
    const careless = activity({ name: "careless", retry: { maxAttempts: 1 } }, async () => {
      act();
      // Where the error ends the attempt, nothing else does.
      await new Promise((ok) => (completes ? setTimeout(ok, 20) : undefined));
      return "done";
    });
    const w = workflow({ name: "w" }, () =>
      careless().then(
        () => "completed",
        () => "failed",
      ),
    );
    await using env = await environment({ workflows: [w], activities: [careless] });
    expect(await (await env.start(w, {})).result()).toBe(completes ? "completed" : "failed");
  });
});

describe("a log", () => {
  test("that throws does not stop whoever logs", () => {
    const throws = () => {
      throw new Error("disk full");
    };
    const log = steadyLog({ debug: throws, info: throws, warn: throws, error: throws });
    expect(() => log.error("x", {})).not.toThrow();
  });

  test("writes fields that JSON cannot hold", () => {
    const cycle: Record<string, unknown> = {};
    cycle.self = cycle;
    const log = consoleLog({});
    for (const value of [1n, cycle, revoked(), withGetter("message"), { toJSON: () => revoked() }]) {
      expect(() => log.warn("x", { value })).not.toThrow();
    }
  });
});
