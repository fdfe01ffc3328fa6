import { describe, expectTypeOf, test } from "vitest";
import * as z from "zod";
import {
  type ActivityContext,
  activity,
  child,
  continueAsNew,
  type Duration,
  externalExecution,
  on,
  parallel,
  query,
  signal,
  start,
  startWorker,
  task,
  update,
  waitForInput,
  workflow,
} from "./index.ts";
import type { TestExecution } from "./testing/index.ts";

const In = z.object({ id: z.string(), at: z.coerce.date(), size: z.int().default(1) });
const Out = z.object({ total: z.number(), label: z.string().default("none") });

describe("types follow from the schemas", () => {
  test("of activities: callers pass the schema's input type, the function gets its output type", () => {
    const act = activity({ name: "act", input: In, output: Out }, async (input, ctx) => {
      expectTypeOf(input).toEqualTypeOf<{ id: string; at: Date; size: number }>();
      expectTypeOf(ctx).toEqualTypeOf<ActivityContext>();
      return { total: 1 };
    });
    expectTypeOf(act).parameter(0).toEqualTypeOf<{ id: string; at: unknown; size?: number | undefined }>();
    expectTypeOf(act).returns.resolves.toEqualTypeOf<{ total: number; label: string }>();
    const plain = activity({ name: "plain" }, async () => 5);
    expectTypeOf(plain).returns.resolves.toEqualTypeOf<number>();
    expectTypeOf(plain).toBeCallableWith();
    const sync = activity({ name: "sync", input: z.object({ n: z.number() }) }, ({ n }) => String(n));
    expectTypeOf(sync).returns.resolves.toEqualTypeOf<string>();
    // @ts-expect-error the input must be given
    void (() => sync());
    // @ts-expect-error the result does not fit the output schema
    activity({ name: "wrong", output: z.number() }, async () => "5");
  });

  test("of resources: an activity says which ones it needs", () => {
    const rows = activity({ name: "rows" }, async (_, ctx: ActivityContext<{ db: { count(): number } }>) =>
      ctx.resources.db.count(),
    );
    expectTypeOf(rows).returns.resolves.toEqualTypeOf<number>();
    void (() =>
      startWorker({
        workflows: [],
        resources: {
          db: {
            open: async () => ({ end: async () => {} }),
            close: (db) => db.end(),
            check: (db) => db.end !== undefined,
          },
          cache: { open: ({ db }: { db: { end(): Promise<void> } }) => [db], close: (cache) => cache[0]!.end() },
        },
      }));
  });

  test("of durations: units are checked where they are written", () => {
    for (const fits of ["90s", "1h30m", "1h 30m", "2 days", "1.5h", "1d2h30m", "PT2H30M", "26 weeks", 5] as const)
      expectTypeOf(fits).toExtend<Duration>();
    expectTypeOf("90 years" as const).not.toExtend<Duration>();
    expectTypeOf("soon" as const).not.toExtend<Duration>();
    void (() => {
      activity(
        {
          name: "slow",
          // @ts-expect-error the message is on the line of the option
          timeout: "5 jiffies",
        },
        async () => 1,
      );
      workflow(
        {
          name: "slow",
          output: z.string(),
          // @ts-expect-error the message is on the line of the option
          timeout: "6 months",
        },
        async () => "done",
      );
    });
  });

  test("of messages in the testing kit: callers send the schema's input, and get its output", () => {
    const approve = signal("approve", z.object({ at: z.coerce.date(), size: z.int().default(1) }));
    const set = update("set", z.object({ n: z.string().transform(Number) }), z.object({ was: z.number().default(0) }));
    void ((run: TestExecution<unknown>) => {
      void run.signal(approve, { at: "2026-01-01" });
      expectTypeOf(run.update(set, { n: "5" })).resolves.toEqualTypeOf<{ was: number }>();
      // @ts-expect-error the handler's number is not what callers send
      void run.update(set, { n: 5 });
    });
  });

  test("of workflows, children and continuations", () => {
    const wf = workflow({ name: "wf", input: In, output: z.string() }, async (input) => {
      expectTypeOf(input).toEqualTypeOf<{ id: string; at: Date; size: number }>();
      if (input.size > 5) return continueAsNew({ id: "x", at: "2026-01-01" });
      return "done";
    });
    const free = workflow({ name: "free" }, async (input) => {
      expectTypeOf(input).toEqualTypeOf<Record<string, unknown>>();
      return input.again ? continueAsNew({}) : Object.keys(input).length;
    });
    // @ts-expect-error the next run's input lacks a field
    workflow({ name: "lacks", input: In }, async () => continueAsNew({ id: "x" }));
    // @ts-expect-error the next run's input has a field of another type
    workflow({ name: "other", input: In }, async () => continueAsNew({ id: 5, at: "2026-01-01" }));
    // @ts-expect-error the input must be given
    workflow({ name: "none", input: In }, async () => continueAsNew());
    const approve = signal("approve", z.object({ by: z.string() }));
    const status = query("status", z.number(), { input: z.object({ deep: z.boolean() }) });
    const looksLike = workflow({ name: "looks-like" }, async () => ({ input: 5 }));
    void (() => {
      expectTypeOf(child(looksLike)).resolves.toEqualTypeOf<{ input: number }>();
      expectTypeOf(child(wf, { id: "a", at: "2026-01-01" })).resolves.toEqualTypeOf<string>();
      expectTypeOf(child(free)).resolves.toEqualTypeOf<number>();
      expectTypeOf(child(free, { any: 1 }, { onParentClose: "cancel" })).resolves.toEqualTypeOf<number>();
      expectTypeOf(start(wf, { id: "a", at: new Date() }).result()).resolves.toEqualTypeOf<string>();
      expectTypeOf(child("by-name", { a: 1 })).resolves.toEqualTypeOf<unknown>();
      // @ts-expect-error an input that the workflow does not take
      child(wf, { id: 5 });
      // @ts-expect-error the input must be given
      child(wf);
      child(wf, {
        // @ts-expect-error the compiler names the field, not the workflow
        id: 5,
        at: "2026-01-01",
      });
      start(wf, {
        // @ts-expect-error the same
        id: 5,
        at: "2026-01-01",
      });
      externalExecution("x").signal(approve, {
        // @ts-expect-error the same
        by: 5,
      });
      externalExecution("x").query(status, {
        // @ts-expect-error the same
        deep: "yes",
      });
    });
    // @ts-expect-error the result does not fit the output schema
    workflow({ name: "wrong", output: z.string() }, async () => 5);
  });

  test("of handlers", () => {
    const approve = signal("approve", z.object({ by: z.string(), at: z.coerce.date() }));
    const bare = signal("bare");
    const status = query("status", z.object({ step: z.number() }), { input: z.object({ deep: z.boolean() }) });
    const set = update("set", z.object({ n: z.number() }), z.object({ was: z.number() }));
    void (() => {
      on(approve, (input) => expectTypeOf(input).toEqualTypeOf<{ by: string; at: Date }>());
      on(bare, (input) => expectTypeOf(input).toEqualTypeOf<Record<string, unknown>>());
      on(status, (input) => {
        expectTypeOf(input).toEqualTypeOf<{ deep: boolean }>();
        return { step: 1 };
      });
      on(set, async ({ n }) => ({ was: n }), {
        validate: (input) => expectTypeOf(input).toEqualTypeOf<{ n: number }>(),
      });
      // @ts-expect-error the answer does not fit
      on(status, () => ({ step: "1" }));
      // @ts-expect-error the schema of the input is an option
      query("odd", z.object({ deep: z.boolean() }), z.number());
      // @ts-expect-error queries answer at once
      on(status, async () => ({ step: 1 }));
      // @ts-expect-error the answer does not fit
      on(set, () => ({ was: "1" }));
    });
  });

  test("of tasks, inputs and fan-out", () => {
    void (() => {
      expectTypeOf(task("t", { n: 1 }, async (t) => t.state.n)).resolves.toEqualTypeOf<number>();
      expectTypeOf(task("t", async (t) => t.state)).resolves.toEqualTypeOf<null>();
      expectTypeOf(waitForInput(z.object({ ok: z.boolean() }))).resolves.toEqualTypeOf<{ ok: boolean }>();
      expectTypeOf(parallel(["a"], async (item, index) => [item, index] as const)).resolves.toEqualTypeOf<
        (readonly [string, number])[]
      >();
      expectTypeOf(parallel(3, (index) => index)).resolves.toEqualTypeOf<number[]>();
    });
  });
});
