/** An id may belong to somebody else by now: nothing meant for one start of an execution reaches another. */
import { expect, test } from "vitest";
import { completed, Driver, MINUTE, pausing, ref, stage, started } from "../../test/interleavings/stage.ts";
import { flushOutbox } from "./outbox.ts";
import { sweep } from "./sweep.ts";

test("a sweeper with an old view of a deadline leaves the next start of the id alone", async () => {
  const s = await stage();
  await started(s, { timeoutMs: MINUTE });
  const a = new Driver(s.ports, "A");
  await a.claim();
  await s.clock.advance(2 * MINUTE);
  const pause = pausing(s.ports, "due");
  const sweeping = sweep(pause.ports, MINUTE);
  await pause.reached; // it has read that `x` is past its deadline
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

test("cancelling a child whose id was taken by a stranger does not cancel the stranger", async () => {
  const s = await stage();
  const stranger = await started(s, { execution: "c", workflow: "lines" });
  await started(s);
  const a = new Driver(s.ports, "A");
  await a.claim();
  await a.append([
    { kind: "child_scheduled", child: 1, workflow: "lines", execution: "c", input: null, on_parent_close: "cancel" },
  ]);
  await a.append([{ kind: "child_cancel_requested", child: 1, execution: "c" }]);
  expect(await s.ports.executions.inbox(ref("c"), stranger.chain)).toEqual([]);
});

for (const kind of ["terminate_child", "cancel_child"] as const) {
  test(`${kind}: a child that ends just then, and whose id is used again, is followed no further`, async () => {
    const s = await stage();
    const parent = await started(s);
    const p = { execution: "x", chain: parent.chain, run: parent.run, child: 1 };
    await started(s, { execution: "c", workflow: "lines", by: "parent", parent: p });
    const c = new Driver(s.ports, "C", ref("c"));
    await c.claim();
    const pause = pausing(s.ports, "head");
    const outbox = [{ kind, execution: "c", parent_run: parent.run, child: 1 }];
    const performing = flushOutbox(pause.ports, { ...parent, outbox });
    await pause.reached; // it has seen that the child is its own
    await c.close(completed);
    const again = await started(s, { execution: "c", workflow: "lines" });
    pause.resume();
    await performing;
    expect(await s.ports.executions.head(ref("c"))).toMatchObject({ run: again.run, status: "RUNNING" });
    expect(await s.ports.executions.inbox(ref("c"), again.chain)).toEqual([]);
  });
}
