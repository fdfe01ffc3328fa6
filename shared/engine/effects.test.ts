import { expect, test } from "vitest";
import { definition } from "../../test/contract/subject.ts";
import {
  completed,
  Died,
  dying,
  ManualWorker,
  ref,
  remote,
  signal,
  stage,
  started,
  took,
  WORKSPACE,
} from "../../test/interleavings/stage.ts";
import type { Head } from "../protocol/head.ts";
import type { NewEvent } from "../protocol/history.ts";
import { type Message, messageId } from "../protocol/messages.ts";
import { send } from "./send.ts";

const child = (execution: string): NewEvent => ({
  kind: "child_scheduled",
  child: 1,
  workflow: "lines",
  execution,
  input: null,
  on_parent_close: "cancel",
});

const outcome = ({ head }: { head: Head }, activity: number): Message => ({
  id: messageId.activity(head.run, activity, 1),
  kind: "activity",
  run: head.run,
  activity,
  attempt: 1,
  outcome: { kind: "completed", result: null },
  sent_at: 0,
});

test("a parent whose child is refused closes, although each claim performs again the effects since the last park", async () => {
  const s = await stage();
  await started(s, { execution: "c", workflow: "lines" }); // takes the id
  await started(s);
  const a = new ManualWorker(s.ports, "A");
  await a.claim();
  await a.append([child("c")]);
  await a.claim();
  const { events } = a.next();
  expect(events).toMatchObject([{ kind: "child_failed", status: "START_FAILED" }]);
  // Both in its last step, so that the log does not record the refusal before the close.
  expect((await a.close(completed, { batch: a.batch([...events, completed]) })).kind).toBe("closed");
});

test("a child has the search keys that the definition of its workflow names, like any other start", async () => {
  const s = await stage();
  const worker = { workspace: WORKSPACE, deployment: "shop", worker: "w", session: "registrar", now: s.clock.now() };
  await s.ports.registry.register({ ...worker, definitions: [definition("lines", { search_keys: ["order.id"] })] });
  await started(s);
  const a = new ManualWorker(s.ports, "A");
  await a.claim();
  await a.append([{ ...child("c"), input: { order: { id: 7 } } } as NewEvent]);
  expect((await s.ports.executions.head(ref("c")))!.search_keys).toEqual({ "order.id": "7" });
});

test("a claim whose child is refused answers the refusal, and keeps its fence", async () => {
  const s = await stage();
  await started(s, { execution: "c", workflow: "lines" });
  await started(s);
  const a = new ManualWorker(s.ports, "A");
  await a.claim();
  await expect(a.append([child("c")], { ports: dying(s.ports, "after", "putBatch") })).rejects.toThrow(Died);
  await a.claim();
  expect(a.messages).toMatchObject([{ kind: "child", outcome: { status: "START_FAILED" } }]);
  expect((await s.ports.executions.head(ref()))!.fence).toBe(a.head.fence);
});

test("a claim does not queue an activity again whose outcome is in the log", async () => {
  const s = await stage();
  await started(s);
  const a = new ManualWorker(s.ports, "A");
  await a.claim();
  await a.append([remote(1), remote(2)]);
  await a.append([{ kind: "activity_completed", activity: 1, name: "charge", result: null }]);
  await s.tasks("activity");
  await a.claim();
  const again = await s.tasks("activity");
  expect(again.map((d) => d.task.kind === "activity" && d.task.activity)).toEqual([2]);
});

test("a claim does not queue an activity again whose outcome lies in the inbox", async () => {
  const s = await stage();
  await started(s);
  const a = new ManualWorker(s.ports, "A");
  await a.claim();
  await expect(a.append([remote(1), remote(2)], { ports: dying(s.ports, "after", "putBatch") })).rejects.toThrow(Died);
  await a.claim();
  expect(await s.tasks("activity")).toHaveLength(2);
  await send(s.ports, ref(), outcome(a, 1));
  await a.claim();
  expect(a.messages).toMatchObject([{ kind: "activity", activity: 1 }]);
  const again = await s.tasks("activity");
  expect(again.map((d) => d.task.kind === "activity" && d.task.activity)).toEqual([2]);
});

test("the next claim performs the effects of a batch whose server died, in their order", async () => {
  const s = await stage();
  await started(s);
  const m = signal("m", s.clock.now());
  const a = new ManualWorker(s.ports, "A");
  await a.claim();
  const dead = dying(s.ports, "after", "putBatch");
  await expect(a.append([took(m), remote(), child("c")], { ports: dead })).rejects.toThrow(Died);
  expect(await s.ports.executions.head(ref("c"))).toBeNull();
  await new ManualWorker(s.ports, "B").claim();
  expect(await s.tasks("activity")).toHaveLength(1);
  expect(await s.ports.executions.head(ref("c"))).toMatchObject({ status: "RUNNING", parent: { execution: "x" } });
});
