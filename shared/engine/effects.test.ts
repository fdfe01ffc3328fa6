import { expect, test } from "vitest";
import { definition } from "../../test/contract/subject.ts";
import {
  completed,
  Died,
  Driver,
  dying,
  ref,
  remote,
  signal,
  stage,
  started,
  took,
  WORKSPACE,
} from "../../test/interleavings/stage.ts";
import type { NewEvent } from "../protocol/history.ts";

const child = (execution: string): NewEvent => ({
  kind: "child_scheduled",
  child: 1,
  workflow: "lines",
  execution,
  input: null,
  on_parent_close: "cancel",
});

test("a parent whose child is refused comes to its end, though each claim performs again what was not yet parked", async () => {
  const s = await stage();
  await started(s, { execution: "c", workflow: "lines" }); // the id is taken
  await started(s);
  const a = new Driver(s.ports, "A");
  await a.claim();
  await a.append([child("c")]);
  await a.claim();
  const { events } = a.next();
  expect(events).toMatchObject([{ kind: "child_failed", status: "START_FAILED" }]);
  // Both in its last step, so that the history does not say before the close that the child was refused.
  expect((await a.close(completed, { batch: a.batch([...events, completed]) })).kind).toBe("closed");
});

test("a child has the search keys that its workflow's definition names, like any other start", async () => {
  const s = await stage();
  const worker = { workspace: WORKSPACE, deployment: "shop", worker: "w", session: "registrar", now: s.clock.now() };
  await s.ports.registry.register({ ...worker, definitions: [definition("lines", { search_keys: ["order.id"] })] });
  await started(s);
  const a = new Driver(s.ports, "A");
  await a.claim();
  await a.append([{ ...child("c"), input: { order: { id: 7 } } } as NewEvent]);
  expect((await s.ports.executions.head(ref("c")))!.search_keys).toEqual({ "order.id": "7" });
});

test("a claim that finds its child refused gives the refusal along, and keeps its turn", async () => {
  const s = await stage();
  await started(s, { execution: "c", workflow: "lines" });
  await started(s);
  const a = new Driver(s.ports, "A");
  await a.claim();
  await expect(a.append([child("c")], { ports: dying(s.ports, "after", "putBatch") })).rejects.toThrow(Died);
  await a.claim();
  expect(a.messages).toMatchObject([{ kind: "child", outcome: { status: "START_FAILED" } }]);
  expect((await s.ports.executions.head(ref()))!.fence).toBe(a.head.fence);
});

test("a claim does not queue again an activity whose outcome is recorded", async () => {
  const s = await stage();
  await started(s);
  const a = new Driver(s.ports, "A");
  await a.claim();
  await a.append([remote(1), remote(2)]);
  await a.append([{ kind: "activity_completed", activity: 1, name: "charge", result: null }]);
  await s.tasks("activity");
  await a.claim();
  const again = await s.tasks("activity");
  expect(again.map((d) => d.task.kind === "activity" && d.task.activity)).toEqual([2]);
});

test("what a batch asked for is performed by the next claim if its server died, in the order it was asked for", async () => {
  const s = await stage();
  await started(s);
  const m = signal("m", s.clock.now());
  const a = new Driver(s.ports, "A");
  await a.claim();
  const dead = dying(s.ports, "after", "putBatch");
  await expect(a.append([took(m), remote(), child("c")], { ports: dead })).rejects.toThrow(Died);
  expect(await s.ports.executions.head(ref("c"))).toBeNull();
  await new Driver(s.ports, "B").claim();
  expect(await s.tasks("activity")).toHaveLength(1);
  expect(await s.ports.executions.head(ref("c"))).toMatchObject({ status: "RUNNING", parent: { execution: "x" } });
});
