import { describe, expect, test } from "vitest";
import type { HistoryEvent, NewEvent, OnParentClose } from "../protocol/history.ts";
import { closeTerms } from "./closing.ts";
import { RUN, started, T } from "./histories.test-host.ts";
import { fold, stateOf } from "./state.ts";

const placed = (events: NewEvent[], first = 2) =>
  events.map((e, i) => ({ ...e, id: first + i, at: T }) as HistoryEvent);
const stateAfter = (...events: NewEvent[]) => fold(stateOf(started()), placed(events));
const child = (number: number, on_parent_close: OnParentClose): NewEvent => ({
  kind: "child_scheduled",
  child: number,
  workflow: "w",
  execution: `child-${number}`,
  input: null,
  on_parent_close,
});
const taken = (message: string): NewEvent => ({ kind: "signal_received", message, name: "s", input: null });
const continued: NewEvent = { kind: "execution_continued", run: "next", workflow: "w", input: null };
const none = () => false;

describe("what a close says besides its batch", () => {
  test("a failure's reason is that of its root cause, a cancellation without a reason says so", () => {
    const reason = (last: NewEvent) => closeTerms(stateAfter(), placed([last]), T, none).failure;
    const failure = { message: "outer", cause: { message: "root" } };
    expect(reason({ kind: "execution_failed", failure })).toBe("root");
    expect(reason({ kind: "execution_cancelled", reason: "why" })).toBe("why");
    expect(reason({ kind: "execution_cancelled", reason: null })).toBe("cancelled");
    expect(reason({ kind: "execution_completed", result: null })).toBeNull();
  });

  test("children still open go to the outbox, those of the closing batch included, and the state stays as it was", () => {
    const state = stateAfter(child(1, "terminate"), child(2, "cancel"));
    const batch = placed(
      [
        { kind: "child_completed", child: 1, result: null },
        child(3, "terminate"),
        child(4, "abandon"),
        { kind: "execution_completed", result: null },
      ],
      4,
    );
    expect(closeTerms(state, batch, T, none).outbox).toEqual([
      { kind: "cancel_child", execution: "child-2", parent_run: RUN, child: 2 },
      { kind: "terminate_child", execution: "child-3", parent_run: RUN, child: 3 },
    ]);
    expect([...state.children.keys()]).toEqual([1, 2]);
    expect(state.closed).toBeNull();
  });
});

describe("message ids carried to the next run", () => {
  test("only a run that continues as new carries any", () => {
    const last: NewEvent = { kind: "execution_completed", result: null };
    expect(closeTerms(stateAfter(taken("m")), placed([last], 3), T, none).carried).toEqual([]);
    expect(closeTerms(stateAfter(taken("m")), placed([continued], 3), T, none).carried).toEqual(["m"]);
  });

  test("those taken in more than 15 minutes ago are left out, unless they are still in the inbox", () => {
    const state = stateAfter(taken("old"), taken("kept"));
    const late = T + 15 * 60_000;
    expect(closeTerms(state, placed([continued], 4), late, none).carried).toEqual([]);
    expect(closeTerms(state, placed([continued], 4), late, (id) => id === "kept").carried).toEqual(["kept"]);
  });

  test("at most a thousand of the latest are carried, and all that are still in the inbox", () => {
    const ids = Array.from({ length: 1_500 }, (_, n) => `m${n}`);
    const state = stateAfter(...ids.map(taken));
    const { carried } = closeTerms(state, placed([continued], 1_502), T, (id) => id === "m0" || id === "m1499");
    expect(carried).toEqual(["m0", "m1499", ...ids.slice(499, 1_499)]);
  });
});
