/** What a worker knows of a run, when an answer of the server comes after the view has changed. */
import { expect, test } from "vitest";
import { fold, stateOf } from "../../shared/core/state.ts";
import { type Head, startedOf } from "../../shared/protocol/head.ts";
import type { Batch, HistoryEvent } from "../../shared/protocol/history.ts";
import { sleep, workflow } from "../index.ts";
import { hosted } from "../workflow/hosted.ts";
import { RunView } from "./run-view.ts";
import type { WorkerContext } from "./types.ts";

const T = 1_800_000_000_000;
const naps = workflow({ name: "naps", timeout: null }, async () => {
  for (;;) await sleep("1h");
});
const head = {
  workflow: "naps",
  run: "r",
  chain: "c",
  started_at: T,
  input: null,
  carried: [],
  fence: 1,
} as unknown as Head;
const context = {
  workflows: new Map([[naps.name, hosted(naps)]]),
  deterministic: true,
  failOnAnyError: false,
} as unknown as WorkerContext;

const started = startedOf(head);
const hour = 3_600_000;
const batch = (...events: HistoryEvent[]): Batch => ({ first: events[0]!.id, events, append_id: `a${events[0]!.id}` });
const first = batch({ kind: "timer_started", id: 2, at: T, timer: 1, fire_at: T + hour, decided: 1 });
const second = batch(
  { kind: "timer_fired", id: 3, at: T + hour, timer: 1 },
  { kind: "timer_started", id: 4, at: T + hour, timer: 2, fire_at: T + 2 * hour, decided: 3 },
);
const whole = () => fold(stateOf(started), [...first.events, ...second.events]);

test("batches that follow what the view has advance its state and its instance", async () => {
  const view = new RunView(context, "x", head, () => T);
  expect(view.have).toBeUndefined();
  await view.read(head, [first], false);
  expect(view.have).toEqual({ run: "r", tail: 2 });
  await view.read(head, [second], true);
  expect(view.state).toEqual(whole());
  expect(view.have).toEqual({ run: "r", tail: 4 });
});

test("a view that is invalidated while the server answers takes what follows into its state, and needs the whole log", async () => {
  const view = new RunView(context, "x", head, () => T);
  await view.read(head, [first], false);
  view.invalidate();
  await view.read(head, [second], true);
  expect(view.state).toEqual(whole());
  expect(view).toMatchObject({ have: undefined, bug: null });
  await view.read(head, [first, second], false);
  expect(view.state).toEqual(whole());
  expect(view.have).toEqual({ run: "r", tail: 4 });
});
