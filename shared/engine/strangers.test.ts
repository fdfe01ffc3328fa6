/** Several executions use one id, one after the other: no call for one start of an execution reaches another. */
import { expect, test } from "vitest";
import { completed, ManualWorker, MINUTE, pausing, ref, stage, started } from "../../test/interleavings/stage.ts";
import { flushOutbox } from "./outbox.ts";
import { sweep } from "./sweep.ts";

test("a sweeper that has read an old deadline does not end the next start of the id", async () => {
  const s = await stage();
  await started(s, { timeoutMs: MINUTE });
  const a = new ManualWorker(s.ports, "A");
  await a.claim();
  await s.clock.advance(2 * MINUTE);
  const pause = pausing(s.ports, "due");
  const sweeping = sweep(pause.ports, MINUTE);
  await pause.reached; // the sweeper has read that `x` is past its deadline
  await a.close(completed);
  const again = await started(s);
  pause.resume();
  await sweeping;
  expect(await s.ports.executions.head(ref())).toMatchObject({ run: again.run, status: "RUNNING" });
});

test("a run past its deadline is timed out by the sweeper", async () => {
  const s = await stage();
  await started(s, { timeoutMs: MINUTE });
  await s.sweeping(2 * MINUTE);
  expect((await s.ports.executions.head(ref()))!.status).toBe("TIMED_OUT");
});

test("cancelling a child whose id another execution has does not cancel that execution", async () => {
  const s = await stage();
  const other = await started(s, { execution: "c", workflow: "lines" });
  await started(s);
  const a = new ManualWorker(s.ports, "A");
  await a.claim();
  await a.append([
    { kind: "child_scheduled", child: 1, workflow: "lines", execution: "c", input: null, on_parent_close: "cancel" },
  ]);
  await a.append([{ kind: "child_cancel_requested", child: 1, execution: "c" }]);
  expect(await s.ports.executions.inbox(ref("c"), other.chain)).toEqual([]);
});

for (const kind of ["terminate_child", "cancel_child"] as const) {
  test(`${kind}: if the child ends just then and its id is used again, the new execution goes on`, async () => {
    const s = await stage();
    const parent = await started(s);
    const p = { execution: "x", chain: parent.chain, run: parent.run, child: 1 };
    await started(s, { execution: "c", workflow: "lines", by: "parent", parent: p });
    const c = new ManualWorker(s.ports, "C", ref("c"));
    await c.claim();
    const pause = pausing(s.ports, "head");
    const outbox = [{ kind, execution: "c", parent_run: parent.run, child: 1 }];
    const performing = flushOutbox(pause.ports, { ...parent, outbox });
    await pause.reached; // the flush has read that the child is its own
    await c.close(completed);
    const again = await started(s, { execution: "c", workflow: "lines" });
    pause.resume();
    await performing;
    expect(await s.ports.executions.head(ref("c"))).toMatchObject({ run: again.run, status: "RUNNING" });
    expect(await s.ports.executions.inbox(ref("c"), again.chain)).toEqual([]);
  });
}
