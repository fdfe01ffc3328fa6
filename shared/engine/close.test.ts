import { expect, test } from "vitest";
import {
  completed,
  Died,
  dying,
  ManualWorker,
  MINUTE,
  pausing,
  ref,
  remote,
  type Stage,
  stage,
  started,
  timesTaken,
} from "../../test/interleavings/stage.ts";
import type { OutboxEntry } from "../protocol/head.ts";
import type { NewEvent } from "../protocol/history.ts";
import { checkBatch } from "./append.ts";
import { terminate } from "./terminate.ts";

const child = (execution: string, policy: "abandon" | "terminate" | "cancel", number = 1): NewEvent => ({
  kind: "child_scheduled",
  child: number,
  workflow: "lines",
  execution,
  input: null,
  on_parent_close: policy,
});
const last: NewEvent = { kind: "execution_completed", result: null };
const statusOf = async (s: Stage, execution: string) =>
  (await s.ports.executions.head(ref(execution)))?.status ?? "absent";

/** A worker closes `x` with these events in one batch, and its server dies after the transaction. */
async function closesAndDies(events: NewEvent[], outboxOf: (run: string) => OutboxEntry[] = () => []) {
  const s = await stage();
  await started(s);
  const a = new ManualWorker(s.ports, "A");
  await a.claim();
  const batch = a.batch([...events, last]);
  await expect(
    a.close(last, { batch, outbox: outboxOf(a.head.run), ports: dying(s.ports, "after", "close") }),
  ).rejects.toThrow(Died);
  return { s, a };
}

test("an abandoned child starts, although the server died right after its parent's close", async () => {
  const { s } = await closesAndDies([child("c", "abandon")]);
  expect(await statusOf(s, "c")).toBe("absent");
  await s.sweeping(2 * MINUTE);
  expect(await statusOf(s, "c")).toBe("RUNNING");
  expect((await s.ports.executions.head(ref()))!.due_at).toBeNull();
});

test("a child that the last step of its parent starts and the close policy ends does not go on", async () => {
  const { s } = await closesAndDies([child("c", "terminate")], (run) => [
    { kind: "terminate_child", execution: "c", parent_run: run, child: 1 },
  ]);
  await s.sweeping(2 * MINUTE);
  expect(await statusOf(s, "c")).toBe("TERMINATED");
  expect((await s.ports.executions.head(ref()))!.due_at).toBeNull();
});

test("search keys of the last step are stored, although the server died right after the close", async () => {
  const { s, a } = await closesAndDies([{ kind: "search_keys_set", set: { customer: "7" }, remove: [] }]);
  await s.sweeping(2 * MINUTE);
  expect((await s.ports.executions.run(ref().workspace, a.head.run))!.search_keys).toEqual({ customer: "7" });
});

test("the effects of the last step of a run that continues as new are performed", async () => {
  const s = await stage();
  await started(s);
  const a = new ManualWorker(s.ports, "A");
  await a.claim();
  const next: NewEvent = { kind: "execution_continued", run: crypto.randomUUID(), workflow: "orders", input: null };
  const batch = a.batch([child("c", "abandon"), next]);
  await expect(a.close(next, { batch, ports: dying(s.ports, "after", "close") })).rejects.toThrow(Died);
  await new ManualWorker(s.ports, "B").claim();
  expect(await statusOf(s, "c")).toBe("RUNNING");
});

test("search keys of the last step are those of the run that continues", async () => {
  const s = await stage();
  await started(s, { searchKeys: { old: "1", customer: "6" } });
  const a = new ManualWorker(s.ports, "A");
  await a.claim();
  const next: NewEvent = { kind: "execution_continued", run: crypto.randomUUID(), workflow: "orders", input: null };
  const batch = a.batch([{ kind: "search_keys_set", set: { customer: "7" }, remove: ["old"] }, next]);
  expect((await a.close(next, { batch })).kind).toBe("closed");
  const keys = { customer: "7" };
  expect((await s.ports.executions.head(ref()))!.search_keys).toEqual(keys);
  expect((await s.ports.executions.run(ref().workspace, a.head.run))!.search_keys).toEqual(keys);
});

test("a close without effects leaves no outbox, and the head is not due", async () => {
  const s = await stage();
  await started(s);
  const a = new ManualWorker(s.ports, "A");
  await a.claim();
  const batch = a.batch([remote(), last]); // a closed run needs no activity
  const ports = dying(s.ports, "before", "clearOutbox");
  expect((await a.close(last, { batch, ports })).kind).toBe("closed");
  expect((await s.ports.executions.head(ref()))!.due_at).toBeNull();
  expect(await s.tasks("activity")).toEqual([]);
});

test("terminating a continued run flushes the outbox of its predecessor", async () => {
  const s = await stage();
  await started(s);
  const a = new ManualWorker(s.ports, "A");
  await a.claim();
  await a.append([child("c", "terminate")]);
  expect(await statusOf(s, "c")).toBe("RUNNING");
  const event: NewEvent = { kind: "execution_continued", run: crypto.randomUUID(), workflow: "orders", input: null };
  const outbox = [{ kind: "terminate_child" as const, execution: "c", parent_run: a.head.run, child: 1 }];
  await expect(a.close(event, { outbox, ports: dying(s.ports, "after", "close") })).rejects.toThrow(Died);
  await terminate(s.ports, ref(), { kind: "terminated", reason: null });
  await s.sweeping(2 * MINUTE);
  expect(await statusOf(s, "c")).toBe("TERMINATED");
});

test("a child that is about to start when its parent is terminated ends by its policy", async () => {
  const s = await stage();
  await started(s);
  const a = new ManualWorker(s.ports, "A");
  await a.claim();
  const pause = pausing(s.ports, "putBatch");
  const appending = a.append([child("c", "terminate"), child("d", "abandon", 2)], { ports: pause.ports });
  await pause.reached;
  await terminate(s.ports, ref(), { kind: "terminated", reason: null });
  pause.resume();
  await appending;
  expect(await statusOf(s, "c")).toBe("TERMINATED");
  expect(await statusOf(s, "d")).toBe("RUNNING");
});

test("a repeated close answers as the first did, and changes nothing", async () => {
  const s = await stage();
  await started(s);
  const a = new ManualWorker(s.ports, "A");
  await a.claim();
  const batch = a.batch([completed]);
  expect(await a.close(completed, { batch })).toEqual({ kind: "closed" });
  const final = await s.ports.executions.head(ref());
  expect(await a.close(completed, { batch })).toEqual({ kind: "closed" });
  expect(await s.ports.executions.head(ref())).toEqual(final);
  expect(await a.close(completed, { batch: a.batch([completed]) })).toEqual({ kind: "conflict" });
  expect(await timesTaken(s, "none")).toBe(0);
});

test("a close repeated after its server died flushes the outbox and enqueues the task at once", async () => {
  const { s, a } = await closesAndDies([child("c", "abandon")]);
  const batch = (await s.ports.executions.batches(ref(), a.head.run, 1)).at(-1)!;
  expect(await a.close(last, { batch })).toEqual({ kind: "closed" });
  expect(await statusOf(s, "c")).toBe("RUNNING");

  await started(s, { execution: "y" });
  const b = new ManualWorker(s.ports, "B", ref("y"));
  await b.claim();
  await s.tasks();
  const next: NewEvent = { kind: "execution_continued", run: crypto.randomUUID(), workflow: "orders", input: null };
  const again = b.batch([next]);
  await expect(b.close(next, { batch: again, ports: dying(s.ports, "after", "close") })).rejects.toThrow(Died);
  expect(await s.tasks()).toEqual([]);
  expect(await b.close(next, { batch: again })).toEqual({ kind: "closed" });
  expect((await s.tasks()).map(({ task }) => task.execution)).toEqual(["y"]);
});

test("a batch with impossible numbers, times or end is refused", () => {
  const event = (id: number, at = 5, e: NewEvent = { kind: "timer_cancelled", timer: 1 }) =>
    ({ ...e, id, at }) as never;
  const batch = (first: number, ...events: never[]) => ({ first, events, append_id: "a" });
  expect(checkBatch(batch(2, event(2), event(3)), false)).toBeNull();
  expect(checkBatch(batch(2, event(2), event(4)), false)).toMatch("found 4 where 3 belongs");
  expect(checkBatch(batch(2, event(3)), false)).toMatch("found 3 where 2 belongs");
  expect(checkBatch(batch(2, event(2), event(3, 4)), false)).toMatch("event 3 is earlier");
  expect(checkBatch(batch(2, event(2, 5, last)), false)).toMatch("only be the last event of a close");
  expect(checkBatch(batch(2, event(2, 5, last), event(3)), true)).toMatch("only be the last event of a close");
  expect(checkBatch(batch(2, event(2)), true)).toMatch("must close the run, found timer_cancelled");
  expect(checkBatch(batch(2, event(2), event(3, 5, last)), true)).toBeNull();
});
