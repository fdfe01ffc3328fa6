/** Replay flags, with a flag of the test's own and with those of the SDK. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { HistoryEvent } from "../../shared/protocol/history.ts";
import { stimulus, WorkflowDriver } from "../../test/support/workflow-driver.ts";
import {
  activity,
  historyIsLong,
  now,
  on,
  query,
  setSearchKeys,
  sleep,
  UnknownFlagError,
  waitUntil,
  workflow,
} from "../index.ts";
import { environment } from "../testing/environment.ts";
import { WorkflowInstance } from "../workflow/instance.ts";
import { FLAGS, type ReplayFlag } from "./flags.ts";
import { workflowFrame } from "./frame.ts";

const NOTE_TWICE: ReplayFlag = {
  id: 7,
  name: "note-twice",
  before: "note() calls the activity once.",
  after: "note() calls the activity twice.",
  since: "9.9.9",
};
const newer = [NOTE_TWICE];
const older: ReplayFlag[] = [];

const write = activity({ name: "write" }, async () => null);
/** A function of the SDK whose behaviour has changed. */
async function note(): Promise<void> {
  await write();
  if (workflowFrame("note()").ops.usesFlag(NOTE_TWICE)) await write();
}
const asks = query("asks");
const notes = workflow({ name: "notes", handlers: [asks] }, async () => {
  on(asks, () => workflowFrame("asks").ops.usesFlag(NOTE_TWICE));
  await sleep("1m");
  await note();
  await sleep("1m");
  await note();
  return null;
});
const options = { workflows: [notes], activities: [write] };

/** Recorded once, by a worker without the flag and by one that has it: executions of their time. */
const recorded: Record<"without" | "with", HistoryEvent[]> = JSON.parse(
  readFileSync(new URL("./flags.recorded.json", import.meta.url), "utf8"),
);
const calls = (events: readonly HistoryEvent[]) => events.filter(({ kind }) => kind === "activity_scheduled").length;
const flagsIn = (events: readonly HistoryEvent[]) => events.flatMap(({ flags }) => flags ?? []);
const quiet = { debug() {}, info() {}, warn() {}, error() {} };
const instance = (flags: readonly ReplayFlag[]) =>
  WorkflowInstance.create(notes, { execution: "notes-1", log: quiet, flags });

test("the flags of the SDK are numbered from 1 without gaps", () => {
  expect(FLAGS.map(({ id }) => id)).toEqual(FLAGS.map((_, i) => i + 1));
});

describe("a recorded history", () => {
  test("without the flag replays the old behaviour in an SDK that has the flag", async () => {
    expect([calls(recorded.without), flagsIn(recorded.without)]).toEqual([2, []]);
    const run = instance(newer);
    await run.replay(recorded.without);
    expect(run.closed).toBe(true);
  });

  test("with the flag replays the new behaviour", async () => {
    expect([calls(recorded.with), flagsIn(recorded.with)]).toEqual([4, [7]]);
    const run = instance(newer);
    await run.replay(recorded.with);
    expect(run.closed).toBe(true);
  });

  test("with an unknown flag is refused with a message that says what to do, and not as a divergence", async () => {
    const run = instance(older);
    const error = await run.replay(recorded.with).catch((error: unknown) => error);
    expect(error).toBeInstanceOf(UnknownFlagError);
    expect((error as Error).message).toMatch(
      /^run \S+ of workflow "notes" was recorded with replay flag 7 by a newer SDK; .* knows no flags, .* Update @sirocco\/sdk/,
    );
    expect(run.poisoned).toBe(true);
  });

  test("that ends in the middle replays its steps without the flag, and uses the flag in the next step", async () => {
    const done = recorded.without.findIndex(({ kind }) => kind === "activity_completed");
    const run = instance(newer);
    await run.replay(recorded.without.slice(0, done));
    expect(run.query("asks", null)).toBe(false);
    const step = await run.activate([recorded.without[done] as never]);
    expect(step).toMatchObject({ decisions: [{ kind: "activity_scheduled", activity: 2 }], flags: [7] });
    expect(run.query("asks", null)).toBe(true);
  });
});

describe("a worker", () => {
  const run = async (flags: readonly ReplayFlag[]) => {
    await using env = await environment(options, { flags: () => flags });
    const execution = await env.start(notes, {});
    await execution.result();
    return execution.history();
  };
  const shape = (events: readonly HistoryEvent[]) =>
    events.map(({ kind, decided, flags }) => ({ kind, decided, flags }));

  test("records the flag once, with the step that used it first", async () => {
    const events = await run(newer);
    expect(shape(events)).toEqual(shape(recorded.with));
    const first = events.find(({ flags }) => flags)!;
    expect(first).toMatchObject({ kind: "activity_scheduled", activity: 2, flags: [7], decided: expect.any(Number) });
  });

  test("whose SDK does not have the flag records none", async () => {
    expect(shape(await run(older))).toEqual(shape(recorded.without));
  });

  test("continues a run of an older SDK: recorded steps keep the old behaviour, new steps use the flag", async () => {
    await using env = await environment(options, { flags: (n) => (n === 1 ? older : newer) });
    const execution = await env.start(notes, {});
    await env.advance("1m");
    await env.killWorker();
    await env.addWorker();
    await env.advance("10m");
    await execution.result();
    const events = await execution.history();
    expect([calls(events), flagsIn(events)]).toEqual([3, [7]]);
    await instance(newer).replay(events);
  });

  test("refuses a run with a flag that it does not know, and leaves it to a worker that does", async () => {
    await using env = await environment(options, { flags: (n) => (n === 2 ? older : newer) });
    const execution = await env.start(notes, {});
    await env.advance("1m");
    await env.killWorker();
    await env.addWorker();
    await env.advance("10m");
    expect(await execution.status()).toBe("RUNNING");
    const failed = (await execution.history()).filter(({ kind }) => kind === "workflow_task_failed");
    expect(failed).toMatchObject([{ failure: { type: "UnknownFlagError" } }]);
    await env.killWorker();
    await env.addWorker();
    await env.advance("10m");
    await execution.result();
    const events = await execution.history();
    expect([calls(events), flagsIn(events)]).toEqual([4, [7]]);
  });
});

describe("the flags of the SDK", () => {
  const passed = workflow({ name: "passed" }, async () => {
    const late = await sleep(-1).then(
      () => "over",
      () => "refused",
    );
    await write();
    return late;
  });
  const trusting = workflow({ name: "trusting" }, async () => {
    const held = await waitUntil((async () => false) as never, "1m").catch(() => "refused");
    await write();
    return held;
  });
  const growing = workflow({ name: "growing", timeout: null }, async () => {
    const text = "\0".repeat(400_000); // six bytes each as JSON
    await write.with({})();
    const read = activity({ name: "read", input: undefined }, async () => text);
    for (let i = 0; i < 8; i++) await read();
    const long = historyIsLong();
    await write();
    return [long, now()];
  });

  const keyed = workflow({ name: "keyed" }, async () => {
    let said = "set";
    try {
      setSearchKeys({ "a\nb": 1 });
    } catch {
      said = "refused";
    }
    await write();
    return said;
  });

  test.each([
    ["passed-waits", passed, "refused", "over"],
    ["async-conditions", trusting, true, "refused"],
    ["search-key-names", keyed, "set", "refused"],
  ])("%s: a run that was recorded before it replays as before", async (name, definition, before, after) => {
    const old = await WorkflowDriver.start(definition, {}, { flags: [] });
    await old.give(stimulus.completed(1));
    expect(old.end).toMatchObject({ result: { result: before } });
    const run = WorkflowInstance.create(definition, { execution: "order-1", log: quiet });
    await run.replay(old.history);
    expect(run.closed).toBe(true);

    const driver = await WorkflowDriver.start(definition);
    if (name === "passed-waits") await driver.give(stimulus.fired(1));
    await driver.give(stimulus.completed(1));
    expect(driver.end).toMatchObject({ result: { result: after } });
    await driver.replayed();
  });

  test("size-in-bytes: a run that was recorded before it counts characters, a new one bytes", async () => {
    const text = "\0".repeat(400_000);
    const ends = async (flags?: readonly ReplayFlag[]) => {
      const driver = await WorkflowDriver.start(growing, {}, flags ? { flags } : {});
      await driver.give(stimulus.completed(1));
      for (let i = 0; i < 8; i++) await driver.give(stimulus.completed(2 + i, text));
      await driver.give(stimulus.completed(10));
      await driver.replayed();
      return driver;
    };
    const old = await ends([]);
    expect(old.end).toMatchObject({ result: { result: [false, expect.any(Number)] } });
    const run = WorkflowInstance.create(growing, { execution: "order-1", log: quiet });
    await run.replay(old.history);
    expect((await ends()).end).toMatchObject({ result: { result: [true, expect.any(Number)] } });
  });
});
