/**
 * The deployed handlers at their limits: answers larger than Lambda buffers, requests larger than it accepts, and handlers
 * whose function timeout ends them in the middle of a call of the protocol.
 */
import { randomBytes, randomUUID } from "node:crypto";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { HistoryEvent } from "../../shared/protocol/history.ts";
import { describeUnless } from "../support/describe-unless.ts";
import { appendOf, closeOf, event, type ProtocolWorker, startProtocolWorker } from "./protocol-worker.ts";
import { DEPLOYED_WITHIN_MS } from "./shared-stack.ts";
import type { Seen } from "./stall.ts";
import { cannotRun, eventually } from "./support.ts";

const MB = 1024 * 1024;
/** Text that gzip shrinks by a quarter at most. */
const noise = (bytes: number) => randomBytes((bytes * 3) / 4).toString("base64");
const completed = (id: number, result: unknown) =>
  event(id, { kind: "activity_completed", activity: id, name: "charge", result });
const kindsOf = (events: readonly HistoryEvent[]) => events.map(({ kind }) => kind);

let on: ProtocolWorker;
/** The execution during which the feed's consumer is killed. */
const fed = `feed-${randomUUID()}`;

/** `stalled`: it has made the append that is not answered. Its timeout takes long: other tests run meanwhile. */
function killFeed() {
  const stalled = Promise.withResolvers<void>();
  const feeds = ({ operation, body }: Seen) => {
    const isMine = body.includes(on.stack.outputs.FeedTable!) && body.includes(on.workspace);
    // With the counts of a start or a close it is a transaction (ROLLUP-2); the records may come in one batch or in several.
    if ((operation !== "PutItem" && operation !== "TransactWriteItems") || !isMine) return undefined;
    stalled.resolve();
    return "after" as const;
  };
  const acts = async () => {
    await on.start(fed);
    const mine = await on.claim(fed);
    await on.worker.call("append", appendOf(mine, [completed(2, { n: 1 })]));
    await on.worker.call("close", closeOf(mine, 3));
  };
  // Beside the deployment of another stack a new process may take seconds to come as far as its first write.
  return { stalled: stalled.promise, killed: on.killed("Feed", feeds, acts, 15) };
}

describeUnless(cannotRun)("the handlers on AWS", () => {
  let feedKilled: ReturnType<typeof killFeed>["killed"];
  beforeAll(async () => {
    on = await startProtocolWorker();
    const { stalled, killed } = killFeed();
    feedKilled = killed;
    feedKilled.catch(() => {}); // its test reports it
    await Promise.race([stalled, feedKilled]);
  }, DEPLOYED_WITHIN_MS);
  afterAll(() => on?.end());

  describe("HEAD", () => {
    it("is answered like GET, without a body, by functions that stream and functions that buffer", async () => {
      const execution = `head-${randomUUID()}`;
      expect((await on.start(execution)).status).toBe(200);
      for (const path of [
        `/v1/workflows/executions/${execution}`,
        "/v1/workflows",
        "/v1/workflows/executions/nobody",
      ]) {
        const ask = (method: string) =>
          fetch(`${on.stack.apiUrl}${path}`, { method, headers: { authorization: `Bearer ${on.key}` } });
        const [head, get] = [await ask("HEAD"), await ask("GET")];
        expect(head.status, path).toBe(get.status);
        expect(head.headers.get("content-type"), path).toBe(get.headers.get("content-type"));
        expect(await head.text(), path).toBe("");
        expect(await get.text(), path).not.toBe("");
      }
    });
  });

  describe("answers without a body", () => {
    it("come from a function that buffers, with the rights for it: cancel, terminate and delete", async () => {
      const headers = { authorization: `Bearer ${on.key}` };
      const ask = async (method: string, path: string) => {
        const answer = await fetch(`${on.stack.apiUrl}/v1/workflows/executions/${path}`, { method, headers });
        return { status: answer.status, body: await answer.text() };
      };
      const execution = `empty-${randomUUID()}`;
      expect((await on.start(execution)).status).toBe(200);
      const none = { status: 204, body: "" };
      expect(await ask("POST", `${execution}/cancel`)).toEqual(none);
      expect(await ask("POST", `${execution}/terminate`)).toEqual(none);
      expect(await ask("DELETE", execution)).toEqual(none);
    });
  });

  describe("a worker with the address of clients", () => {
    it("is told its own", async () => {
      const url = `${on.stack.apiUrl}/v1/worker/register`;
      const answer = await fetch(url, { method: "POST", body: "{}", headers: { authorization: `Bearer ${on.key}` } });
      expect(answer.status).toBe(404);
      const { code, detail } = (await answer.json()) as { code: string; detail: string };
      expect(code).toBe("NO_ROUTE");
      expect(detail).toMatch(/SIROCCO_URL=https:\/\/.*lambda-url/);
    });
  });

  describe("a message of one execution to another", () => {
    it("is stored once by the workers' endpoint, with its rights, and a query is answered through it", async () => {
      const [from, to] = [`from-${randomUUID()}`, `to-${randomUUID()}`];
      for (const execution of [from, to]) expect((await on.start(execution)).status).toBe(200);
      const { run } = (await on.claim(from)).head;
      const sent = { execution: from, run, activity: 1, to };
      const cancel = { kind: "cancel", reason: null } as const;
      for (let i = 0; i < 2; i++)
        expect(await on.worker.call("message", { ...sent, message: cancel })).toEqual({ kind: "sent" });
      const signal = { kind: "signal", name: "nothing", input: {} } as const;
      expect(await on.worker.call("message", { ...sent, message: signal })).toMatchObject({ reason: "NO_HANDLER" });
      const nobody = { ...sent, to: "nobody", message: cancel };
      expect(await on.worker.call("message", nobody)).toMatchObject({ reason: "NOT_FOUND" });
      const query = { kind: "query", name: "peek", input: {} } as const;
      const answer = on.worker.call("message", { ...sent, message: query });
      const asked = await eventually("the task of the query", async () =>
        (await on.tasks("workflow")).find((task) => task.kind === "query"),
      );
      await on.worker.call("answer", { query: asked.query, answer: { kind: "result", result: { sum: 3 } } });
      expect(await answer).toEqual({ kind: "answered", result: { sum: 3 } });
      const claimed = await on.claim(to);
      expect(claimed.messages).toMatchObject([{ id: `cancel#${run}:1`, reason: `cancelled by execution '${from}'` }]);
    }, 60_000);
  });

  describe("a worker that speaks only newer protocols", () => {
    it("VERSION-2, VERSION-4: is refused, and asked to register again where it works already", async () => {
      const who = { deployment: "newer", worker: "w", session: randomUUID() };
      const rest = { definitions: [], activities: [], sdk: "typescript/9.0.0" };
      const register = (protocols: { oldest: number; newest: number }) =>
        on.worker.call("register", { ...who, ...rest, protocols });
      await expect(register({ oldest: 2, newest: 3 })).rejects.toThrow(
        /409 UNSUPPORTED_VERSION.*update the server first/,
      );
      expect(await register({ oldest: 1, newest: 3 })).toMatchObject({ protocol: 1 });
      const beat = (oldest: number) => on.worker.call("heartbeat", { ...who, protocols: { oldest, newest: 3 } });
      expect(await beat(1)).toMatchObject({ all_active: true });
      expect(await beat(2)).toMatchObject({ all_active: false });
    });
  });

  describe("explain", () => {
    it("tells of an execution whose history is in S3, and of schedules, with the rights of the functions", async () => {
      const execution = `why-${randomUUID()}`;
      expect((await on.start(execution)).status).toBe(200);
      const mine = await on.claim(execution);
      for (let i = 0; i < 3; i++) await on.worker.call("append", appendOf(mine, [completed(2 + i, noise(1.9 * MB))]));
      const fire_at = Date.now() + 3_600_000;
      await on.worker.call("append", appendOf(mine, [event(5, { kind: "timer_started", timer: 1, fire_at })]));
      const ask = async (path: string) => {
        const headers = { authorization: `Bearer ${on.key}` };
        const answer = await fetch(`${on.stack.apiUrl}/v1/workflows${path}`, { headers });
        return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
      };
      const why = await ask(`/executions/${execution}/explain`);
      expect(why, JSON.stringify(why)).toMatchObject({ status: 200, body: { status: "RUNNING" } });
      expect(why.body.waits).toEqual(
        expect.arrayContaining([expect.objectContaining({ kind: "timer", until: new Date(fire_at).toISOString() })]),
      );
      expect((await ask("/executions/nobody/explain")).status).toBe(404);
      expect((await ask("/schedules/nothing/explain")).status).toBe(404);
      expect(await ask("/schedules/upcoming")).toMatchObject({ status: 200, body: { complete: true } });
    }, 60_000);
  });

  describe("sizes", () => {
    it("a claim answers a history larger than Lambda buffers, whole", async () => {
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
      // A client that does not accept gzip gets the 9.5 MB uncompressed.
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

    it("a call that inflates beyond the limit is refused as too large, and one with invalid gzip as unreadable", async () => {
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
      expect(await call(cut)).toEqual({ status: 400, text: expect.stringContaining("UTF-8") });
    }, 60_000);

    it("a call larger than Lambda accepts is compressed and succeeds", async () => {
      const execution = `wide-${randomUUID()}`;
      await on.start(execution);
      const mine = await on.claim(execution);
      const text = "What does not repeat itself by the word repeats itself by the letter. ".repeat(27_000);
      const events = [2, 3, 4, 5, 6].map((id) => completed(id, `${id}: ${text}`));
      const { results } = await on.worker.call("append", appendOf(mine, events));
      expect(results).toMatchObject([{ kind: "appended" }]);
      expect((await on.claim(execution)).batches).toMatchObject([{ first: 2, events: { length: 5 } }]);
    }, 60_000);

    it("a call that is too large even when compressed is refused with a code for the worker, and writes nothing", async () => {
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

  // In each test Lambda kills the handler's process while the handler waits for the answer of AWS.
  describe("killed by its function timeout", () => {
    // First, because the proxy stalls for one function at a time. The last test looks for the records.
    it("the feed, after an append to the feed", async () => {
      expect(["PutItem", "TransactWriteItems"]).toContain((await feedKilled).at.operation);
    }, 240_000);

    const sends = ({ operation }: Seen) => (operation === "SendMessage" ? ("before" as const) : undefined);
    const requestsWake = ({ operation, body }: Seen) =>
      operation === "UpdateItem" && body.includes("wake_pending = :") ? ("before" as const) : undefined;

    it("between the put and the task of a start: the sweeper sends the task, and the execution starts once", async () => {
      const execution = `start-${randomUUID()}`;
      const { result } = await on.killed("Executions", sends, () => on.start(execution));
      expect(result.status).toBeGreaterThanOrEqual(500);
      expect(await on.start(execution)).toMatchObject({ status: 409, body: { code: "WF_1101" } });
      expect((await on.tasks("workflow")).filter((task) => task.execution === execution)).toEqual([]);
      await on.overdue(execution);
      await on.woken(execution);
      const mine = await on.claim(execution);
      expect(mine).toMatchObject({ batches: [], messages: [], head: { fence: 2, status: "RUNNING" } });
      expect(await on.worker.call("close", closeOf(mine, 2))).toEqual({ kind: "closed" });
      expect((await on.api("GET", `/executions/${execution}`)).body).toMatchObject({ status: "COMPLETED" });
    }, 60_000);

    it("between the put and the wake-up of a signal: the signal is not acknowledged, and the next one delivers both, each once", async () => {
      const execution = `wake-${randomUUID()}`;
      await on.start(execution);
      const first = await on.claim(execution);
      const { result } = await on.killed("Executions", requestsWake, () => on.signal(execution, { n: 1 }));
      expect(result.status).toBeGreaterThanOrEqual(500);
      expect((await on.signal(execution, { n: 2 })).status).toBe(202);
      await on.woken(execution);
      const mine = await on.claim(execution);
      expect(mine.head.fence).toBe(first.head.fence + 2); // one wake-up, one claim
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

    it("between the wake-up and the task of a signal: the sweeper sends the task, and the signal is delivered once", async () => {
      const execution = `task-${randomUUID()}`;
      await on.start(execution);
      const first = await on.claim(execution);
      await on.tasks("workflow");
      const parked = { execution, run: first.head.run, fence: first.head.fence, due_at: null, effects_done_through: 1 };
      expect(await on.worker.call("park", { items: [parked] })).toEqual({ parked: [true] });
      const { result } = await on.killed("Executions", sends, () => on.signal(execution, { n: 1 }));
      expect(result.status).toBeGreaterThanOrEqual(500);
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
      const { result } = await on.killed("Worker", sends, () => on.worker.call("append", appendOf(mine, [queued()])));
      expect(result.results).toMatchObject([{ kind: "appended", messages: [], fenced: false }]);
      expect(await charges(execution)).toMatchObject([{ kind: "activity", activity: 1, input: { amount: 7 } }]);
      expect((await on.claim(execution, randomUUID())).batches).toMatchObject([{ first: 2, events: { length: 1 } }]);
    }, 60_000);

    it("between the put of an append and its effects, and the worker dies too: the next claim performs them", async () => {
      const execution = `orphan-${randomUUID()}`;
      await on.start(execution);
      const mine = await on.claim(execution);
      const once = () => on.worker.call("append", appendOf(mine, [queued()]), { retry: false }).catch((e: Error) => e);
      const { result } = await on.killed("Worker", sends, once);
      expect(result).toBeInstanceOf(Error);
      expect(await charges(execution)).toEqual([]);
      const heir = await on.claim(execution, randomUUID());
      expect(kindsOf(heir.batches.flatMap((b) => b.events))).toEqual(["activity_scheduled"]);
      expect(await charges(execution)).toMatchObject([{ kind: "activity", activity: 1, first_attempt: 1 }]);
    }, 60_000);

    it.each([
      { when: "before" as const, write: "one write of the head" as const },
      { when: "after" as const, write: "one write of the head" as const },
      { when: "before" as const, write: "transaction" as const },
      { when: "after" as const, write: "transaction" as const },
    ])("$when the $write of a close: the worker's repeated call is answered that it has closed", async ({
      when,
      write,
    }) => {
      const execution = `close-${randomUUID()}`;
      await on.start(execution);
      const first = await on.claim(execution);
      const mine = write === "transaction" ? await on.claim(execution) : first; // LOG-6
      const body = closeOf(mine, 2);
      const operation = write === "transaction" ? "TransactWriteItems" : "UpdateItem";
      const closes = (seen: Seen) => (seen.operation === operation && seen.body.includes(execution) ? when : undefined);
      const { result } = await on.killed("Worker", closes, () => on.worker.call("close", body));
      expect(result).toEqual({ kind: "closed" });
      const history = (await on.api("GET", `/executions/${execution}/history`)).body as { events: HistoryEvent[] };
      expect(kindsOf(history.events)).toEqual(["execution_started", "execution_completed"]);
    }, 60_000);

    it("between a close and its outbox: the sweeper terminates the child, once", async () => {
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
      const { result } = await on.killed("Worker", afterwards, () => on.worker.call("close", body));
      expect(result).toEqual({ kind: "closed" });
      const ended = await eventually("the end of the child", async () => {
        const { body: found } = await on.api("GET", `/executions/${child}/history`);
        const { events } = found as { events: HistoryEvent[] };
        return events.length > 1 ? events : undefined;
      });
      expect(kindsOf(ended)).toEqual(["execution_started", "execution_terminated"]);
    }, 60_000);

    it("the feed, after an append to the feed: the records are delivered again, and each event is in the feed once", async () => {
      const shown = await eventually(
        "the end in the feed",
        async () => {
          const { body } = await on.api("GET", `/events/list?workflow_exec_id=${fed}`);
          const { events = [] } = (body ?? {}) as { events?: { event_type: string; event_id: string }[] };
          return events.some((e) => e.event_type === "WORKFLOW_EXECUTION_COMPLETED") ? events : undefined;
        },
        80_000,
      );
      expect(shown.map((e) => e.event_type)).toEqual([
        "WORKFLOW_EXECUTION_STARTED",
        "ACTIVITY_TASK_COMPLETED",
        "WORKFLOW_EXECUTION_COMPLETED",
      ]);
    }, 120_000);
  });
});
