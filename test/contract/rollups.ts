import { expect, test } from "vitest";
import { type Bucket, ceilTo, FAILURES, floorTo, HOUR_MS, subjectOf, sum } from "../../shared/core/rollups.ts";
import type { Head } from "../../shared/protocol/head.ts";
import type { NewEvent } from "../../shared/protocol/history.ts";
import { batchOf, begun, claimed, closed, finalOf, headOf, LIMIT, newRef, uuid } from "./subject.ts";
import type { Contract } from "./suite.ts";

export const rollupsContract: Contract = (of) => {
  const read = async (workspace: string, subject: string, size: "minute" | "hour" = "hour"): Promise<Bucket[]> => {
    const [from, until] = [floorTo(of().now() - HOUR_MS, "hour"), ceilTo(of().now() + HOUR_MS, "hour")];
    return of().ports.rollups.read(workspace, { subject, size, from, until });
  };
  /** Without the latencies, which depend on the clock. */
  const counts = async (workspace: string, workflow = "orders", size: "minute" | "hour" = "hour") => {
    const { latency_ms, ...all } = sum((await read(workspace, subjectOf(workflow), size)).map((b) => b.counts));
    return Object.fromEntries(Object.entries(all).filter(([name]) => !/^l\d+$/.test(name)));
  };
  const exactly = async (workspace: string, expected: Record<string, number>) => {
    await of().eventually(async () => expect(await counts(workspace)).toEqual(expected));
    expect(await counts(workspace, "orders", "minute")).toEqual(expected);
  };
  const end = async (head: Head, event: NewEvent, status: Head["status"], first = 2) => {
    const batch = batchOf(first, of().now(), [event]);
    const next = finalOf(head, of().now(), { status, result: null });
    return of().ports.executions.close(head, { run: head.run, fence: null, batch, next });
  };
  const failed = (message: string): NewEvent => ({
    kind: "execution_failed",
    failure: { type: "StockError", message },
  });

  test("counts every start, and every kind of close under its own name", async () => {
    const workspace = uuid();
    const begin = () => begun(of(), newRef(workspace));
    await begin();
    await closed(of(), await begin());
    await end(await begin(), failed("no stock"), "FAILED");
    await end(await begin(), { kind: "execution_cancelled", reason: null }, "CANCELED");
    await end(await begin(), { kind: "execution_terminated", reason: null }, "TERMINATED");
    await end(await begin(), { kind: "execution_timed_out" }, "TIMED_OUT");
    const outcomes = { completed: 1, failed: 1, canceled: 1, terminated: 1, timed_out: 1 };
    await exactly(workspace, { started: 6, ...outcomes });
    const [bucket] = await read(workspace, subjectOf("orders"));
    expect(bucket!.counts.latency_ms).toBeGreaterThanOrEqual(0);
    expect(await counts(workspace, "returns")).toEqual({});
    expect(await counts(uuid())).toEqual({});
  });

  test("a repeated start, a repeated close and a refused close count once", async () => {
    const workspace = uuid();
    const head = headOf(newRef(workspace), of().now());
    for (let i = 0; i < 3; i++) await of().ports.executions.create(head, []);
    await closed(of(), head);
    expect((await end(head, { kind: "execution_terminated", reason: null }, "TERMINATED", 3)).kind).toBe("fenced");
    await closed(of(), await begun(of(), newRef(workspace)));
    await exactly(workspace, { started: 2, completed: 2 });
  });

  test("a run that continues as new and the run that follows are counted each", async () => {
    const head = await claimed(of(), await begun(of()));
    const run = uuid();
    const event: NewEvent = { kind: "execution_continued", run, workflow: "orders", input: null };
    const next = { ...head, run, fence: head.fence + 1, continued_from: head.run, started_at: of().now() };
    const batch = batchOf(2, of().now(), [event]);
    await of().ports.executions.close(head, { run: head.run, fence: head.fence, batch, next });
    await closed(of(), next);
    await exactly(head.workspace, { started: 2, continued: 1, completed: 1 });
  });

  test("a reset is neither an error nor a success, of an open run and of a closed one", async () => {
    const { executions } = of().ports;
    const head = await begun(of());
    const prepared = (from: Head): Head => {
      const [run, now] = [uuid(), of().now()];
      const reset = { from: from.run, at: now, began_at: from.started_at, origins: [{ run: from.run, through: 2 }] };
      return { ...from, run, first_run: run, status: "RUNNING", closed_at: null, started_at: now, due_at: now, reset };
    };
    await executions.putBatch(
      head,
      head.run,
      batchOf(2, of().now(), [{ kind: "timer_started", timer: 1, fire_at: 1 }]),
      LIMIT,
    );
    const second = prepared(head);
    const copy = batchOf(2, of().now(), [{ kind: "timer_started", timer: 1, fire_at: 1 }]);
    await executions.prepare(second, [copy]);
    const batch = batchOf(3, of().now(), [{ kind: "execution_terminated", reason: "reset", next_run: second.run }]);
    expect((await executions.close(head, { run: head.run, fence: null, batch, next: second })).kind).toBe("closed");
    const done = await closed(of(), { ...second, fence: head.fence + 1 }, 3);
    const third = prepared(done);
    await executions.prepare(third, [copy]);
    expect(await executions.reopen(third, { run: done.run, fence: done.fence })).toBe(true);
    await exactly(head.workspace, { started: 3, reset: 1, completed: 1 });
  });

  test("a run whose activities were tried again is counted as one with retries", async () => {
    const head = await begun(of());
    const again: NewEvent = {
      kind: "activity_attempt_failed",
      activity: 1,
      name: "charge",
      attempt: 1,
      reason: "failed",
      failure: { message: "no" },
      retry_at: 1,
    };
    await of().ports.executions.putBatch(
      head,
      head.run,
      batchOf(2, of().now(), [again, { ...again, attempt: 2 }]),
      LIMIT,
    );
    await of().ports.executions.putBatch(
      head,
      head.run,
      batchOf(4, of().now(), [{ kind: "timer_fired", timer: 1 }]),
      LIMIT,
    );
    await closed(of(), head, 5);
    await exactly(head.workspace, { started: 1, completed: 1, retried: 1 });
  });

  test("failures are counted by their fingerprint, with the first, the last and the newest example", async () => {
    const workspace = uuid();
    const fail = async (message: string) => {
      const head = await begun(of(), newRef(workspace));
      await end(head, failed(message), "FAILED");
      return head;
    };
    const before = of().now();
    await fail("order 1 has no stock");
    await of().eventually(async () => expect(await read(workspace, FAILURES)).not.toEqual([]));
    await of().pass(20);
    const second = await fail("order 2 has no stock");
    await fail("the warehouse is closed");
    const bucket = await of().eventually(async () => {
      const buckets = await read(workspace, FAILURES, "minute");
      expect(sum(buckets.map((b) => b.counts))).toEqual({ failed: 3 });
      return buckets.findLast((b) => b.failure?.execution === second.execution)!;
    });
    expect(bucket.key).toMatch(/^[0-9a-f]{16}$/);
    expect(bucket.last!).toBeGreaterThan(before);
    expect(bucket.first!).toBeGreaterThanOrEqual(before);
    expect(bucket.failure).toEqual({
      workflow: "orders",
      deployment: "shop",
      status: "FAILED",
      type: "StockError",
      message: "order 2 has no stock",
      execution: second.execution,
      run: second.run,
    });
    const all = await read(workspace, FAILURES, "minute");
    expect(
      await of().ports.rollups.read(workspace, { subject: FAILURES, size: "hour", from: 0, until: before - HOUR_MS }),
    ).toEqual([]);
    const range = {
      subject: FAILURES,
      size: "minute",
      from: floorTo(before, "minute"),
      until: before + HOUR_MS,
    } as const;
    expect(await of().ports.rollups.read(workspace, { ...range, most: 1 })).toEqual(all.slice(0, 1));
    expect(await of().ports.rollups.read(workspace, { ...range, order: "desc" })).toEqual(all.toReversed());
  });
};
