/** The workflows of the simulation. Every program ends by itself once clients and workers have done their part. */
import { Bug, type Program } from "./instance.ts";

const numberIn = (input: unknown): number => (input as { n: number }).n;

/** One activity after the other. */
const sequence: Program = function* (c) {
  let sum = 0;
  for (let i = 1; i <= (c.input.steps as number); i++) {
    const a = c.activity(`${c.input.prefix ?? ""}double`, i);
    yield () => c.activities.has(a);
    sum += c.value(c.activities, a) as number;
  }
  return { result: sum };
};

/** Several at once, with a timer beside them. */
const parallel: Program = function* (c) {
  const all = Array.from({ length: c.input.width as number }, (_, i) =>
    c.activity(`${c.input.prefix ?? ""}double`, i + 1),
  );
  const timer = c.timer(5_000);
  yield () => all.every((a) => c.activities.has(a)) && c.fired.has(timer);
  return { result: all.reduce((sum, a) => sum + (c.value(c.activities, a) as number), 0) };
};

/** Two timers, of which one is cancelled. */
const timers: Program = function* (c) {
  const short = c.timer(c.input.short as number);
  const long = c.timer(10_000_000);
  yield () => c.fired.has(short) || c.fired.has(long);
  c.cancelTimer(long);
  const again = c.timer(200_000);
  yield () => c.fired.has(again);
  return { result: "both" };
};

/** Takes in `count` signals, with an activity beside them. */
const signals: Program = function* (c) {
  const wanted = c.input.count as number;
  const after = c.activity("double", 21);
  yield () => c.signals.length >= wanted && c.activities.has(after);
  return { result: c.signals.map((s) => numberIn(s.input)).sort((x, y) => x - y) };
};

/** Begins a timer at each of `count` signals. */
const stirred: Program = function* (c) {
  const before = c.activity("double", 21);
  yield () => c.activities.has(before);
  for (let n = 1; n <= (c.input.count as number); n++) {
    yield () => c.signals.length >= n;
    const timer = c.timer(5_000);
    yield () => c.fired.has(timer);
  }
  return { result: c.signals.map((s) => numberIn(s.input)).sort((x, y) => x - y) };
};

/** Takes in signals in their order, over a chain of runs if `each` is less than `count`. */
const ordered: Program = function* (c) {
  const had = (c.input.had ?? []) as number[];
  const each = c.input.each as number;
  yield () => c.signals.length >= each;
  const have = [...had, ...c.signals.slice(0, each).map((s) => numberIn(s.input))];
  if (have.length >= (c.input.count as number)) return { result: have };
  return { next: { ...c.input, had: have } };
};

/** The same over a chain of runs: a new run after every `each` signals. */
const chain: Program = function* (c) {
  const had = (c.input.had ?? []) as number[];
  yield () => c.signals.length >= (c.input.each as number);
  const have = [...had, ...c.signals.map((s) => numberIn(s.input))];
  if (have.length >= (c.input.count as number)) return { result: have.sort((x, y) => x - y) };
  return { next: { ...c.input, had: have } };
};

/** Continues as new at once. */
const hot: Program = function* (c) {
  yield () => true;
  const left = c.input.runs as number;
  return left > 1 ? { next: { runs: left - 1 } } : { result: "cool" };
};

/** Answers `count` updates with their double. */
const updates: Program = function* (c) {
  let answered = 0;
  while (answered < (c.input.count as number)) {
    yield () => c.updates.length > answered;
    const update = c.updates[answered]!;
    const a = c.activity("double", numberIn(update.input));
    yield () => c.activities.has(a);
    c.answer(update, c.value(c.activities, a));
    answered += 1;
  }
  return { result: c.updates.map((u) => numberIn(u.input)).sort((x, y) => x - y) };
};

/** Waits for its cancellation, then cleans up. */
const cancelled: Program = function* (c) {
  const timer = c.timer(100_000_000);
  yield () => c.cancelled !== null || c.fired.has(timer);
  c.cancelTimer(timer);
  const cleanup = c.activity("double", 1);
  yield () => c.activities.has(cleanup);
  return { cancelled: c.cancelled!.reason };
};

/** Waits for ever; a client or its parent ends it. */
const waiting: Program = function* (c) {
  yield () => c.cancelled !== null;
  return { cancelled: c.cancelled!.reason };
};

/** Two children that it awaits, and one of each policy that it leaves behind. */
const parent: Program = function* (c) {
  const id = c.input.id as string;
  const one = c.child("sequence", `${id}-one`, { steps: 2 }, "terminate");
  const two = c.child("parallel", `${id}-two`, { width: 2 }, "cancel");
  c.child("waiting", `${id}-terminate`, {}, "terminate");
  c.child("cancelled", `${id}-cancel`, {}, "cancel");
  c.child("sequence", `${id}-abandon`, { steps: 1 }, "abandon");
  const dropped = c.child("cancelled", `${id}-dropped`, {}, "abandon");
  yield () => c.children.has(one);
  c.cancelChild(dropped, `${id}-dropped`);
  yield () => c.children.has(two) && c.children.has(dropped);
  const sum = (c.value(c.children, one) as number) + (c.value(c.children, two) as number);
  if (c.input.leave) return { next: { ...c.input, leave: false, id: `${id}-again` } };
  // Started in its last step.
  c.child("sequence", `${id}-late`, { steps: 1 }, "abandon");
  c.child("waiting", `${id}-ended`, {}, "terminate");
  return { result: sum };
};

/** A child with children of its own, which continues as new. */
const clan: Program = function* (c) {
  const child = c.child("parent", `${c.input.id}-kin`, { id: `${c.input.id}-kin`, leave: true }, "terminate");
  yield () => c.children.has(child);
  return { result: c.value(c.children, child) };
};

/** Another execution has the id of its child. */
const refused: Program = function* (c) {
  const child = c.child("waiting", c.input.taken as string, {}, "cancel");
  c.cancelChild(child, c.input.taken as string);
  yield () => c.children.has(child);
  const outcome = c.children.get(child)!;
  return { result: "failure" in outcome ? outcome.failure.message : "started" };
};

/** One activity fails twice, then succeeds; another never succeeds. */
const flaky: Program = function* (c) {
  const prefix = (c.input.prefix ?? "") as string;
  const good = c.activity(`${prefix}third_time`, 1);
  const bad = c.activity(`${prefix}hopeless`, 1);
  yield () => c.activities.has(good) && c.activities.has(bad);
  const failed = "failure" in c.activities.get(bad)!;
  return { result: [c.value(c.activities, good) as number, failed] };
};

/** Whether the deployed code has a bug; repaired at the end of the faults. */
export const deployed = { broken: false };

/** Reaches the bug at its second signal. */
const buggy: Program = function* (c) {
  yield () => c.signals.length >= 2;
  if (deployed.broken) throw new Bug("the code is broken");
  const a = c.activity("double", 4);
  yield () => c.signals.length >= 3 && c.activities.has(a);
  return { result: [c.value(c.activities, a), ...c.signals.map((s) => numberIn(s.input)).sort()] };
};

/** Cancels its activity when it is cancelled. */
const impatient: Program = function* (c) {
  const a = c.activity(`${c.input.prefix ?? ""}double`, 1);
  yield () => c.activities.has(a) || c.cancelled !== null;
  if (!c.cancelled) return { result: c.value(c.activities, a) };
  if (!c.activities.has(a)) c.cancelActivity(a);
  yield () => c.activities.has(a);
  return { cancelled: c.cancelled.reason };
};

/** Ends at the first signal, or after `ms`. */
const brief: Program = function* (c) {
  const timer = c.timer(c.input.ms as number);
  yield () => c.fired.has(timer) || c.signals.length > 0 || c.cancelled !== null;
  return { result: null };
};

/** Sleeps for `ms`, which may exceed the time-out of the execution. */
const late: Program = function* (c) {
  const timer = c.timer(c.input.ms as number);
  yield () => c.fired.has(timer);
  return { result: "in time" };
};

export const PROGRAMS: Record<string, Program> = {
  sequence,
  parallel,
  timers,
  signals,
  stirred,
  ordered,
  chain,
  updates,
  cancelled,
  waiting,
  parent,
  clan,
  refused,
  flaky,
  buggy,
  impatient,
  brief,
  late,
  hot,
};

/** The outcome of an activity. A worker that drives an execution leaves names that begin with `far_` to the queue. */
export function perform(
  name: string,
  input: unknown,
  attempt: number,
): { value: unknown } | { error: string; final: boolean } {
  const plain = name.replace(/^far_/, "");
  if (plain === "double") return { value: (input as number) * 2 };
  if (plain === "third_time") return attempt < 3 ? { error: "not yet", final: false } : { value: 3 };
  return { error: "hopeless", final: true };
}
