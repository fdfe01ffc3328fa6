import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { OpenInputs } from "../protocol/head.ts";
import type { HistoryEvent } from "../protocol/history.ts";
import { MOST_OPEN, withInputs } from "./human-inputs.ts";
import { questionAt } from "./questions.ts";

const event = (id: number, task: string, name: string, attributes = {}): HistoryEvent =>
  ({
    id,
    at: id * 10,
    kind: "custom_task",
    event: name,
    task,
    task_type: "wait_for_input",
    attributes,
  }) as HistoryEvent;

test("questions are open from their begin to their end", () => {
  const one = withInputs(undefined, [event(2, "a", "started"), event(3, "b", "started")]);
  expect(one).toEqual({
    through: 3,
    since: 20,
    open: [
      { task: "a", event: 2 },
      { task: "b", event: 3 },
    ],
  });
  const two = withInputs(one, [event(5, "a", "completed")]);
  expect(two).toEqual({ through: 5, since: 20, open: [{ task: "b", event: 3 }] });
  const none = withInputs(two, [event(7, "b", "failed")]);
  expect(none).toEqual({ through: 7, since: null, open: [] });
  expect(withInputs(none, [event(9, "c", "started")])).toMatchObject({ since: 90 });
});

test("other events change nothing", () => {
  const other = { ...event(2, "a", "started"), task_type: "token" } as HistoryEvent;
  expect(withInputs(undefined, [other, event(3, "a", "in_progress")])).toBeUndefined();
});

test("a batch that is counted again, however late, changes nothing (INPUTS-1)", () => {
  const names = fc.constantFrom("started", "completed", "failed");
  const history = fc
    .array(fc.tuple(fc.constantFrom("a", "b", "c"), names), { maxLength: 20 })
    .map((all) => all.map(([task, name], i) => event(2 + i, task, name)));
  fc.assert(
    fc.property(history, fc.integer({ min: 0, max: 20 }), fc.integer({ min: 1, max: 5 }), (events, from, size) => {
      let state: OpenInputs | undefined;
      for (const one of events) state = withInputs(state, [one]);
      expect(withInputs(state, events.slice(from, from + size))).toEqual(state);
      expect(withInputs(undefined, events)).toEqual(state);
    }),
  );
});

test("only the first questions of very many are kept, with a mark (INPUTS-2)", () => {
  const events = Array.from({ length: MOST_OPEN + 1 }, (_, n) => event(2 + n, `t${n}`, "started"));
  const state = withInputs(undefined, events)!;
  expect(state.open).toHaveLength(MOST_OPEN);
  expect(state.more).toBe(true);
  const ended = state.open.map(({ task }, n) => event(1_000 + n, task, "completed"));
  expect(withInputs(state, ended)).toMatchObject({ open: [], since: 20, more: true });
});

test("a question shows its label, its schema, and the timer that began with it", () => {
  const payload = { type: "json", value: { label: "Sure?", input_schema: { type: "object" } }, encoding_options: null };
  const keys = { id: 3, at: 20, kind: "search_keys_set", set: {}, remove: [] } as HistoryEvent;
  const timer = { id: 4, at: 20, kind: "timer_started", timer: 1, fire_at: 99 } as HistoryEvent;
  const asked = event(2, "a", "started", { payload });
  const shown = { task: "a", event: 2, label: "Sure?", schema: { type: "object" }, since: 20 };
  expect(questionAt([asked, keys, timer], 2)).toEqual({ ...shown, until: 99 });
  expect(questionAt([asked, keys], 2)).toEqual({ ...shown, until: null });
  expect(questionAt([asked], 3)).toBeNull();
  const encoded = event(2, "a", "started", { payload: { type: "json", value: "b64", encoding_options: ["encrypt"] } });
  expect(questionAt([encoded], 2)).toMatchObject({ label: null, schema: null });
});
