/**
 * The deployed handlers at their limits: answers longer than Lambda buffers, requests longer than it takes, and handlers
 * that their own timeout ends in the middle of a step of the protocol.
 */
import { randomBytes, randomUUID } from "node:crypto";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { HistoryEvent } from "../../shared/protocol/history.ts";
import { appendOf, closeOf, event, type Hand, hand } from "./protocol-worker.ts";
import type { Seen } from "./stall.ts";
import { cannotRun, eventually } from "./support.ts";

const MB = 1024 * 1024;
/** Nothing that could be compressed by more than a quarter. */
const noise = (bytes: number) => randomBytes((bytes * 3) / 4).toString("base64");
const completed = (id: number, result: unknown) =>
  event(id, { kind: "activity_completed", activity: id, name: "charge", result });
const kindsOf = (events: readonly HistoryEvent[]) => events.map(({ kind }) => kind);

let on: Hand;

describe.skipIf(cannotRun)("the handlers on AWS", () => {
  beforeAll(async () => {
    on = await hand();
  }, 240_000);
  afterAll(() => on?.end());

  describe("sizes", () => {
    it("a history longer than Lambda buffers reaches the worker that claims it, whole", async () => {
      const execution = `long-${randomUUID()}`;
      expect((await on.start(execution)).status).toBe(200);
      const mine = await on.claim(execution);
      const results = Array.from({ length: 5 }, () => noise(1.9 * MB));
      for (const [i, result] of results.entries()) {
        const answer = await on.worker.call("append", appendOf(mine, [completed(2 + i, result)]));
        expect(answer.results).toMatchObject([{ kind: "appended" }]);
      }
      const heir = await on.claim(execution, randomUUID());
      expect(heir.batches.map(({ first }) => first)).toEqual([2, 3, 4, 5, 6]);
      expect(heir.batches.flatMap(({ events }) => events).map((e) => "result" in e && e.result)).toEqual(results);
      // Also to one that cannot read what is compressed: 9.5 MB as they are.
      const plain = await fetch(`${on.stack.workerUrl}/v1/worker/read`, {
        method: "POST",
        body: JSON.stringify({ execution }),
        headers: { authorization: `Bearer ${on.key}`, "accept-encoding": "identity" },
      });
      expect(plain.status).toBe(200);
      expect(plain.headers.get("content-type")).toBe("application/json");
      expect(plain.headers.get("content-encoding")).toBeNull();
      expect((await plain.text()).length).toBeGreaterThan(9 * MB);
    }, 60_000);

    it("a call that inflates beyond the limit is too large, and one that is said to be compressed and is not is no JSON", async () => {
      const call = async (body: Buffer) => {
        const answer = await fetch(`${on.stack.workerUrl}/v1/worker/read`, {
          method: "POST",
          body: new Uint8Array(body),
          headers: {
            authorization: `Bearer ${on.key}`,
            "content-encoding": "gzip",
            "content-type": "application/octet-stream",
          },
        });
        return { status: answer.status, text: await answer.text() };
      };
      expect(await call(gzipSync(Buffer.alloc(1024 * MB, " ")))).toMatchObject({ status: 413 });
      expect(await call(Buffer.from("no gzip"))).toEqual({ status: 422, text: expect.stringContaining("is not JSON") });
      const cut = gzipSync(JSON.stringify({ execution: "x" })).subarray(0, -6);
      expect(await call(cut)).toEqual({ status: 422, text: expect.stringContaining("is not JSON") });
    }, 60_000);

    it("a call longer than Lambda takes is compressed, and taken", async () => {
      const execution = `wide-${randomUUID()}`;
      await on.start(execution);
      const mine = await on.claim(execution);
      const text = "What does not repeat itself by the word repeats itself by the letter. ".repeat(27_000);
      const events = [2, 3, 4, 5, 6].map((id) => completed(id, `${id}: ${text}`));
      const { results } = await on.worker.call("append", appendOf(mine, events));
      expect(results).toMatchObject([{ kind: "appended" }]);
      expect((await on.claim(execution)).batches).toMatchObject([{ first: 2, events: { length: 5 } }]);
    }, 60_000);

    it("one that is too long even so is refused in a way that the worker understands, and nothing of it is written", async () => {
      const execution = `huge-${randomUUID()}`;
      await on.start(execution);
      const mine = await on.claim(execution);
      const events = [2, 3, 4, 5].map((id) => completed(id, noise(1.9 * MB)));
      const refused = on.worker.call("append", appendOf(mine, events));
      await expect(refused).rejects.toMatchObject({ status: 413, code: "PAYLOAD_TOO_LARGE" });
      await expect(refused).rejects.toThrow(/must be smaller than 6291456 bytes/);
      expect((await on.claim(execution)).batches).toEqual([]);
    }, 60_000);
  });

  // Each time Lambda itself ends the handler's process, while a request of its own to AWS is under way.
  describe("killed by its timeout", () => {
    const sends = ({ operation }: Seen) => (operation === "SendMessage" ? ("before" as const) : undefined);
    const marks = ({ operation, body }: Seen) =>
      operation === "UpdateItem" && body.includes("wake_pending = :") ? ("before" as const) : undefined;

    it("between the put and the ring of a start: the sweeper rings, and it has begun once", async () => {
      const execution = `start-${randomUUID()}`;
      const { came } = await on.killed("Executions", sends, () => on.start(execution));
      expect(came.status).toBeGreaterThanOrEqual(500);
      expect(await on.start(execution)).toMatchObject({ status: 409, body: { code: "WF_1101" } });
      expect((await on.tasks("workflow")).filter((task) => task.execution === execution)).toEqual([]);
      await on.overdue(execution);
      await on.woken(execution);
      const mine = await on.claim(execution);
      expect(mine).toMatchObject({ batches: [], messages: [], head: { fence: 2, status: "RUNNING" } });
      expect(await on.worker.call("close", closeOf(mine, 2))).toEqual({ kind: "closed" });
      expect((await on.api("GET", `/executions/${execution}`)).body).toMatchObject({ status: "COMPLETED" });
    }, 60_000);

    it("between the put and the mark of a signal: nobody was told that it arrived, the next one brings both, each once", async () => {
      const execution = `mark-${randomUUID()}`;
      await on.start(execution);
      const first = await on.claim(execution);
      const { came } = await on.killed("Executions", marks, () => on.signal(execution, { n: 1 }));
      expect(came.status).toBeGreaterThanOrEqual(500);
      expect((await on.signal(execution, { n: 2 })).status).toBe(202);
      await on.woken(execution);
      const mine = await on.claim(execution);
      expect(mine.head.fence).toBe(first.head.fence + 2); // one mark, one claim
      expect(mine.messages.map((m) => m.kind === "signal" && m.input)).toEqual([{ n: 1 }, { n: 2 }]);
      const taken = mine.messages.map(({ id }) => id);
      const events = taken.map((message, i) =>
        event(2 + i, { kind: "signal_received", message, name: "go", input: { n: i + 1 } }),
      );
      await on.worker.call("append", appendOf(mine, events, taken));
      const after = await on.claim(execution);
      expect(after.messages).toEqual([]);
      expect(kindsOf(after.batches.flatMap((b) => b.events))).toEqual(["signal_received", "signal_received"]);
    }, 60_000);

    it("between the mark and the ring of a signal: the sweeper rings, and the signal is there once", async () => {
      const execution = `ring-${randomUUID()}`;
      await on.start(execution);
      const first = await on.claim(execution);
      await on.tasks("workflow");
      const parked = { execution, run: first.head.run, fence: first.head.fence, due_at: null, effects_done_through: 1 };
      expect(await on.worker.call("park", { items: [parked] })).toEqual({ parked: [true] });
      const { came } = await on.killed("Executions", sends, () => on.signal(execution, { n: 1 }));
      expect(came.status).toBeGreaterThanOrEqual(500);
      await on.overdue(execution);
      await on.woken(execution);
      const mine = await on.claim(execution);
      expect(mine.messages).toMatchObject([{ kind: "signal", input: { n: 1 } }]);
    }, 60_000);

    const queued = () =>
      event(2, {
        kind: "activity_scheduled",
        activity: 1,
        name: "charge",
        input: { amount: 7 },
        where: "queue",
        options: { retry: { max_attempts: 3, first_ms: 100, factor: 2, max_ms: 1_000, non_retryable: [] } },
      });
    const charges = async (execution: string) =>
      (await on.tasks("activity")).filter((task) => task.execution === execution);

    it("between the put of an append and its effects: the worker's repeated call performs them", async () => {
      const execution = `append-${randomUUID()}`;
      await on.start(execution);
      const mine = await on.claim(execution);
      const { came } = await on.killed("Worker", sends, () => on.worker.call("append", appendOf(mine, [queued()])));
      expect(came.results).toEqual([{ kind: "appended", messages: [], fenced: false }]);
      expect(await charges(execution)).toMatchObject([{ kind: "activity", activity: 1, input: { amount: 7 } }]);
      expect((await on.claim(execution, randomUUID())).batches).toMatchObject([{ first: 2, events: { length: 1 } }]);
    }, 60_000);

    it("the same, and the worker dies too: whoever claims next performs them", async () => {
      const execution = `orphan-${randomUUID()}`;
      await on.start(execution);
      const mine = await on.claim(execution);
      const once = () => on.worker.call("append", appendOf(mine, [queued()]), { retry: false }).catch((e: Error) => e);
      const { came } = await on.killed("Worker", sends, once);
      expect(came).toBeInstanceOf(Error);
      expect(await charges(execution)).toEqual([]);
      const heir = await on.claim(execution, randomUUID());
      expect(kindsOf(heir.batches.flatMap((b) => b.events))).toEqual(["activity_scheduled"]);
      expect(await charges(execution)).toMatchObject([{ kind: "activity", activity: 1, first_attempt: 1 }]);
    }, 60_000);

    it.each([
      { when: "before" as const, where: "in front of its transaction: the worker's repeated call closes" },
      { when: "after" as const, where: "behind its transaction: the worker's repeated call learns that it has closed" },
    ])("in a close, $where", async ({ when }) => {
      const execution = `close-${when}-${randomUUID()}`;
      await on.start(execution);
      const mine = await on.claim(execution);
      const body = closeOf(mine, 2);
      const transaction = ({ operation }: Seen) => (operation === "TransactWriteItems" ? when : undefined);
      const { came } = await on.killed("Worker", transaction, () => on.worker.call("close", body));
      expect(came).toEqual({ kind: "closed" });
      const history = (await on.api("GET", `/executions/${execution}/history`)).body as { events: HistoryEvent[] };
      expect(kindsOf(history.events)).toEqual(["execution_started", "execution_completed"]);
    }, 60_000);

    it("between a close and what it owes: the sweeper ends the children, once", async () => {
      const [execution, child] = [`parent-${randomUUID()}`, `child-${randomUUID()}`];
      await on.start(execution);
      const mine = await on.claim(execution);
      const scheduled = {
        kind: "child_scheduled",
        child: 1,
        workflow: "orders",
        execution: child,
        input: {},
        on_parent_close: "terminate",
      };
      await on.worker.call("append", appendOf(mine, [event(2, scheduled)]));
      const outbox = [{ kind: "terminate_child", execution: child, parent_run: mine.head.run, child: 1 } as const];
      let written = false;
      const afterwards = ({ operation }: Seen) => {
        if (written) return "before" as const;
        written = operation === "TransactWriteItems";
        return undefined;
      };
      const body = closeOf(mine, 3, { outbox });
      const { came } = await on.killed("Worker", afterwards, () => on.worker.call("close", body));
      expect(came).toEqual({ kind: "closed" });
      const ended = await eventually("the end of the child", async () => {
        const { body: found } = await on.api("GET", `/executions/${child}/history`);
        const { events } = found as { events: HistoryEvent[] };
        return events.length > 1 ? events : undefined;
      });
      expect(kindsOf(ended)).toEqual(["execution_started", "execution_terminated"]);
    }, 60_000);

    it("the feed's consumer, behind an append to the feed: the records come again, and each event stands there once", async () => {
      const execution = `feed-${randomUUID()}`;
      const feeds = ({ operation, body }: Seen) =>
        operation === "PutItem" && body.includes(on.stack.outputs.FeedTable!) ? ("after" as const) : undefined;
      await on.killed("Feed", feeds, async () => {
        await on.start(execution);
        const mine = await on.claim(execution);
        await on.worker.call("append", appendOf(mine, [completed(2, { n: 1 })]));
        await on.worker.call("close", closeOf(mine, 3));
      });
      const shown = await eventually(
        "the end in the feed",
        async () => {
          const { body } = await on.api("GET", `/events/list?workflow_exec_id=${execution}`);
          const { events = [] } = (body ?? {}) as { events?: { event_type: string; event_id: string }[] };
          return events.some((e) => e.event_type === "WORKFLOW_EXECUTION_COMPLETED") ? events : undefined;
        },
        40_000,
      );
      expect(shown.map((e) => e.event_type)).toEqual([
        "WORKFLOW_EXECUTION_STARTED",
        "ACTIVITY_TASK_COMPLETED",
        "WORKFLOW_EXECUTION_COMPLETED",
      ]);
    }, 90_000);
  });
});
