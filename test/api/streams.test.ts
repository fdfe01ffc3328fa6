/** Streams of events: order, resumption, filters, ends. Read with the official client, and frame by frame from the bytes. */
import type { StreamEventSsePayload } from "@mistralai/mistralai/models/components";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { PUBLIC_EVENT_TYPES } from "../../shared/protocol/http/event-types.ts";
import { turnOfTheLoop } from "../contract/manual-clock.ts";
import { Frames } from "./support/frames.ts";
import type { Drive, ScriptedWorker } from "./support/scripted-worker.ts";
import { failure, type World, world } from "./support/world.ts";

let w: World;
let worker: ScriptedWorker;
beforeAll(async () => {
  w = await world();
  worker = await w.worker("shop", [
    { name: "orders", execution_timeout: null },
    { name: "returns", execution_timeout: null },
  ]);
});
afterAll(() => w.close());

const retry = { max_attempts: 3, first_ms: 1000, factor: 2, max_ms: 1000, non_retryable: [] };
const activity = (n: number, name = "charge", where: "queue" | `local:${string}` = `local:${worker.session}`) =>
  ({ kind: "activity_scheduled", activity: n, name, input: { n }, where, options: { retry } }) as const;
const done = (n: number, name = "charge") => ({ kind: "activity_completed", activity: n, name, result: n }) as const;
const finished = { kind: "execution_completed", result: { ok: true } } as const;
const type = { STARTED: "WORKFLOW_EXECUTION_STARTED", COMPLETED: "WORKFLOW_EXECUTION_COMPLETED" } as const;

let count = 0;
async function begin(workflowIdentifier = "orders", executionId = `s-${count++}`): Promise<Drive> {
  const body = { execution_id: executionId, input: { a: 1 }, id_reuse_policy: "allow" };
  const started = await w.ask("POST", `/v1/workflows/${workflowIdentifier}/execute`, { body });
  if (started.status !== 200) throw new Error(`${executionId}: ${started.status} ${JSON.stringify(started.body)}`);
  return worker.claim(executionId);
}
/** A frame of the client. Its type also allows an error object, but the client throws that instead. */
interface Frame {
  readonly id?: string;
  readonly data?: StreamEventSsePayload;
}
type Stream = Promise<AsyncIterable<Frame>>;
const streamOf = (executionId: string, lastEventId?: string) =>
  w.client.workflows.executions.stream({ executionId, ...(lastEventId !== undefined && { lastEventId }) }) as Stream;
const events = (request: object) => w.client.workflows.events.getStreamEvents(request) as Stream;
async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}
const types = (frames: readonly Frame[]) => frames.map((f) => f.data?.data.eventType);

describe("the stream of one execution", () => {
  test("shows stored events, then new ones, and ends after the terminal event", async () => {
    const drive = await begin();
    await drive.append([activity(1)]);
    const reading = all(await streamOf(drive.head.execution));
    await drive.append([done(1), { kind: "timer_started", timer: 1, fire_at: w.clock.now() + 1 }]);
    await drive.append([{ kind: "timer_fired", timer: 1 }, activity(2, "ship")]);
    await drive.append([
      { kind: "activity_failed", activity: 2, name: "ship", attempt: 1, reason: "failed", failure: { message: "x" } },
    ]);
    await drive.close(finished);
    const frames = await reading;
    expect(types(frames)).toEqual([
      type.STARTED,
      "ACTIVITY_TASK_STARTED",
      "ACTIVITY_TASK_COMPLETED",
      "ACTIVITY_TASK_STARTED",
      "ACTIVITY_TASK_FAILED",
      type.COMPLETED,
    ]);
    const sequences = frames.map((f) => f.data?.brokerSequence ?? 0);
    expect(sequences).toEqual(sequences.toSorted((a, b) => a - b));
    expect(new Set(sequences).size).toBe(sequences.length);
    expect(frames.map((f) => f.id)).toEqual(sequences.map(String));
    expect(frames[0]?.data).toMatchObject({
      stream: "events",
      workflowContext: {
        namespace: w.workspace,
        workflowName: "orders",
        workflowExecId: drive.head.execution,
        parentWorkflowExecId: null,
        rootWorkflowExecId: drive.head.execution,
      },
      data: { attributes: { input: { value: [{ a: 1 }] } }, continuedRunId: null },
    });
    expect(frames.at(-1)?.data?.data.attributes).toMatchObject({ result: { type: "json", value: { ok: true } } });
  });

  test("times of events are microseconds, the finest that the client reads", async () => {
    const drive = await begin();
    await drive.close(finished);
    const [first] = await all(await streamOf(drive.head.execution));
    expect(first?.data?.data.eventTimestamp).toBe(drive.head.started_at * 1000);
    expect(first?.data?.timestamp).toEqual(new Date(drive.head.started_at));
  });

  test.each([
    ["FAILED", { kind: "execution_failed", failure: { message: "outer", cause: { message: "root cause" } } }],
    ["CANCELED", { kind: "execution_cancelled", reason: "asked" }],
  ] as const)("ends after %s", async (status, event) => {
    const drive = await begin();
    await drive.close(event);
    const frames = await all(await streamOf(drive.head.execution));
    expect(types(frames)).toEqual([type.STARTED, `WORKFLOW_EXECUTION_${status}`]);
    const attributes = frames[1]?.data?.data.attributes;
    expect(attributes).toMatchObject(
      status === "FAILED" ? { failure: { message: "root cause" } } : { reason: "asked" },
    );
  });

  test("ends without a terminal event when the execution is terminated or times out", async () => {
    const drive = await begin();
    const reading = all(await streamOf(drive.head.execution));
    await w.client.workflows.executions.terminateWorkflowExecution({ executionId: drive.head.execution });
    expect(types(await reading)).toEqual([type.STARTED]);
    expect(types(await all(await streamOf(drive.head.execution)))).toEqual([type.STARTED]);
  });

  test("continues over the runs of an execution that continues as new", async () => {
    const drive = await begin();
    const { execution, run } = drive.head;
    const reading = all(await streamOf(execution));
    await drive.close({ kind: "execution_continued", run, workflow: "orders", input: { round: 2 } });
    const second = await worker.claim(execution);
    const next = second.head.run;
    await second.close(finished);
    const frames = await reading;
    expect(types(frames)).toEqual([type.STARTED, "WORKFLOW_EXECUTION_CONTINUED_AS_NEW", type.STARTED, type.COMPLETED]);
    expect(frames.map((f) => f.data?.data.workflowRunId)).toEqual([run, run, next, next]);
    expect(frames[2]?.data?.data).toMatchObject({ continuedRunId: run, firstExecutionRunId: run });
  });

  test("of an id used again shows the latest start only, and ends when the id is started once more", async () => {
    const first = await begin();
    await first.close(finished);
    const again = await begin("orders", first.head.execution);
    const reading = all(await streamOf(first.head.execution));
    await again.append([activity(1)]);
    await w.client.workflows.executions.terminateWorkflowExecution({ executionId: first.head.execution });
    await begin("orders", first.head.execution);
    const frames = await reading;
    expect(new Set(frames.map((f) => f.data?.data.workflowRunId))).toEqual(new Set([again.head.run]));
    expect(types(frames)).toEqual([type.STARTED, "ACTIVITY_TASK_STARTED"]);
  });

  test("resumes after any frame, by query parameter or by header, and the header overrides", async () => {
    const drive = await begin();
    for (let n = 1; n <= 5; n++) await drive.append([activity(n), done(n)]);
    await drive.close(finished);
    const whole = await all(await streamOf(drive.head.execution));
    expect(whole).toHaveLength(12);
    const path = `/v1/workflows/executions/${drive.head.execution}/stream`;
    for (const [i, frame] of whole.entries()) {
      const rest = await all(await streamOf(drive.head.execution, frame.id));
      expect(rest.map((f) => f.id)).toEqual(whole.slice(i + 1).map((f) => f.id));
      const frames = await Frames.open(w, `${path}?last_event_id=1`, { "last-event-id": String(frame.id) });
      expect((await frames.rest()).map((f) => f.id)).toEqual(whole.slice(i + 1).map((f) => f.id));
    }
  });

  test("accepts every spelling of event_source, as all sources are one here", async () => {
    const drive = await begin();
    await drive.close(finished);
    for (const eventSource of ["DATABASE", "LIVE", "HYBRID"] as const) {
      const frames = await w.client.workflows.executions.stream({ executionId: drive.head.execution, eventSource });
      expect(await all(frames)).toHaveLength(2);
    }
  });

  test("of an unknown execution is 404, with a malformed id 422", async () => {
    expect(await failure(streamOf("nope"))).toMatchObject({ status: 404, body: { code: "WF_1100" } });
    const drive = await begin();
    expect(await failure(streamOf(drive.head.execution, "x"))).toMatchObject({ status: 422 });
    const path = `/v1/workflows/executions/${drive.head.execution}/stream`;
    expect((await w.ask("GET", path, { headers: { "last-event-id": "x" } })).status).toBe(422);
  });

  test("has its headers at once, every frame whole, and a comment for every 15 s of silence", async () => {
    const drive = await begin();
    const frames = await Frames.open(w, `/v1/workflows/executions/${drive.head.execution}/stream`);
    expect(frames.headers.get("content-type")).toBe("text/event-stream");
    expect(frames.headers.get("cache-control")).toContain("no-cache");
    expect((await frames.next())?.data).toMatchObject({ data: { event_type: type.STARTED } });
    await turnOfTheLoop();
    await w.clock.advance(15_000);
    expect(await frames.comment()).toBe("keep-alive");
    await w.clock.advance(10_000);
    await drive.append([activity(1)]);
    expect((await frames.next())?.data).toMatchObject({ data: { event_type: "ACTIVITY_TASK_STARTED" } });
    expect(frames.comments).toBe(1);
    await drive.close(finished);
    const [last] = await frames.rest();
    expect(last?.text.endsWith("\n\n")).toBe(true);
    expect(frames.leftover).toBe("");
  });
});

describe("the stream of a workspace", () => {
  /** Reads until a frame of this type. */
  async function until(request: object, last: string) {
    const frames = [];
    for await (const frame of await events(request)) {
      frames.push(frame);
      if (frame.data?.data.eventType === last) break;
    }
    return frames;
  }

  test("shows several executions in one order, stored ones first", async () => {
    const from = (await w.ports.feed.last(w.workspace)) + 1;
    const a = await begin("orders");
    const reading = until({ startSeq: from }, "WORKFLOW_EXECUTION_FAILED");
    const b = await begin("returns");
    await a.append([activity(1)]);
    await b.append([activity(1)]);
    await a.close(finished);
    await b.close({ kind: "execution_failed", failure: { message: "no" } });
    const frames = await reading;
    expect(frames.map((f) => [f.data?.workflowContext.workflowName, f.data?.data.eventType])).toEqual([
      ["orders", type.STARTED],
      ["returns", type.STARTED],
      ["orders", "ACTIVITY_TASK_STARTED"],
      ["returns", "ACTIVITY_TASK_STARTED"],
      ["orders", type.COMPLETED],
      ["returns", "WORKFLOW_EXECUTION_FAILED"],
    ]);
  });

  test("start_seq is inclusive, last_event_id exclusive, and the header wins over both", async () => {
    const drive = await begin();
    await drive.append([activity(1), activity(2), activity(3)]);
    const only = { workflowExecId: drive.head.execution };
    const [started, one, two, three] = await take(events(only), 4);
    const id = (frame: Frame | undefined) => frame?.data?.brokerSequence ?? 0;
    const ids = async (request: object, n: number) => (await take(events({ ...only, ...request }), n)).map(id);
    expect(await ids({ startSeq: 0 }, 4)).toEqual([started, one, two, three].map(id));
    expect(await ids({ startSeq: id(one) }, 3)).toEqual([one, two, three].map(id));
    expect(await ids({ lastEventId: String(id(one)) }, 2)).toEqual([two, three].map(id));
    expect(await ids({ startSeq: id(three), lastEventId: String(id(one)) }, 2)).toEqual([two, three].map(id));
    const path = `/v1/workflows/events/stream?workflow_exec_id=${drive.head.execution}&last_event_id=${id(two)}`;
    const byQuery = await Frames.open(w, path);
    expect((await byQuery.next())?.id).toBe(String(id(three)));
    await byQuery.leave();
    const byHeader = await Frames.open(w, path, { "last-event-id": String(id(one)) });
    expect((await byHeader.next())?.id).toBe(String(id(two)));
    await byHeader.leave();
  });

  test("from_now leaves out what has happened, and begins with the id at which a later stream can go on", async () => {
    const before = await begin();
    await before.append([activity(1)]);
    const response = await fetch(`${w.server.url}/v1/workflows/events/stream?from_now=true`, {
      headers: { authorization: `Bearer ${w.key}` },
    });
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    const until = async (end: RegExp) => {
      while (!end.test(text)) text += (await reader.read()).value ?? "";
    };
    await until(/^id: \d+\n\n/);
    const [, position] = /^id: (\d+)\n\n/.exec(text) ?? [];
    const after = await begin();
    await until(/\ndata: .*\n\n/);
    await reader.cancel();
    expect(text).toContain(after.head.execution);
    expect(text).not.toContain(before.head.execution);
    const resumed = await Frames.open(w, `/v1/workflows/events/stream?from_now=true&last_event_id=${position}`);
    expect((await resumed.next())?.data).toMatchObject({ data: { workflow_exec_id: after.head.execution } });
    await resumed.leave();
  });

  test("a client that reconnects after each frame receives every event once, in order", async () => {
    const drive = await begin();
    const writing = (async () => {
      for (let n = 1; n <= 30; n++) await drive.append([activity(n), done(n)]);
      await drive.close(finished);
    })();
    const seen: string[] = [];
    let last: string | undefined;
    while (seen.at(-1) !== type.COMPLETED) {
      const request = { workflowExecId: drive.head.execution, ...(last !== undefined && { lastEventId: last }) };
      const [frame] = await take(events(request), 1);
      last = frame?.id;
      seen.push(String(frame?.data?.data.eventType));
    }
    await writing;
    expect(seen).toHaveLength(62);
  });

  describe("filters", () => {
    let execution: string;
    let run: string;
    let from: number;
    const names = async (request: object, n: number) =>
      (await take(events({ startSeq: from, ...request }), n)).map((f) => {
        const of = f.data?.data.attributes as unknown as Record<string, unknown>;
        return [f.data?.data.eventType, of.activityName ?? of.customTaskType ?? f.data?.workflowContext.workflowName];
      });

    beforeAll(async () => {
      from = (await w.ports.feed.last(w.workspace)) + 1;
      const other = await begin("returns");
      const drive = await begin("orders");
      ({ execution, run } = drive.head);
      await drive.append([activity(1), activity(2, "ship", "queue")]);
      const custom = { kind: "custom_task", task: "t-1", task_type: "todo_list" } as const;
      const payload = { type: "json", value: { left: 2 }, encoding_options: null };
      await drive.append([{ ...custom, event: "started", attributes: { payload } }]);
      const ref = { execution, run, chain: drive.head.chain, activity: 2, attempt: 1 };
      await worker.call("begin", { ...ref, queued: { name: "ship", input: { n: 2 }, first_attempt: 1 } });
      const patch = {
        type: "json_patch",
        value: [{ op: "append", path: "/text", value: "Hel" }],
        encoding_options: null,
      };
      await worker.call("publish", {
        execution,
        run,
        activity: 2,
        activity_name: "ship",
        publish_id: w.ports.uuid(),
        events: [
          { event: "started", task: "t-2", task_type: "token", attributes: { payload }, at: w.clock.now() },
          { event: "in_progress", task: "t-2", task_type: "token", attributes: { payload: patch }, at: w.clock.now() },
        ],
      });
      await drive.append([done(1)]);
      await drive.close(finished);
      await other.close(finished);
    });

    test("the progress of an activity is between its start and its end", async () => {
      expect(await names({ workflowExecId: execution }, 8)).toEqual([
        [type.STARTED, "orders"],
        ["ACTIVITY_TASK_STARTED", "charge"],
        ["CUSTOM_TASK_STARTED", "todo_list"],
        ["ACTIVITY_TASK_STARTED", "ship"],
        ["CUSTOM_TASK_STARTED", "token"],
        ["CUSTOM_TASK_IN_PROGRESS", "token"],
        ["ACTIVITY_TASK_COMPLETED", "charge"],
        [type.COMPLETED, "orders"],
      ]);
    });

    test("scope: workflow or activity", async () => {
      expect(await names({ scope: "activity", workflowExecId: execution }, 5)).toEqual([
        ["ACTIVITY_TASK_STARTED", "charge"],
        ["ACTIVITY_TASK_STARTED", "ship"],
        ["CUSTOM_TASK_STARTED", "token"],
        ["CUSTOM_TASK_IN_PROGRESS", "token"],
        ["ACTIVITY_TASK_COMPLETED", "charge"],
      ]);
      expect(await names({ scope: "workflow", workflowExecId: execution }, 3)).toEqual([
        [type.STARTED, "orders"],
        ["CUSTOM_TASK_STARTED", "todo_list"],
        [type.COMPLETED, "orders"],
      ]);
    });

    test("activity name and id", async () => {
      expect(await names({ activityName: "ship" }, 3)).toEqual([
        ["ACTIVITY_TASK_STARTED", "ship"],
        ["CUSTOM_TASK_STARTED", "token"],
        ["CUSTOM_TASK_IN_PROGRESS", "token"],
      ]);
      expect(await names({ activityId: "1", workflowExecId: execution }, 2)).toEqual([
        ["ACTIVITY_TASK_STARTED", "charge"],
        ["ACTIVITY_TASK_COMPLETED", "charge"],
      ]);
    });

    test("stream: the topic of custom tasks, `events` for the rest", async () => {
      expect(await names({ stream: "token" }, 2)).toEqual([
        ["CUSTOM_TASK_STARTED", "token"],
        ["CUSTOM_TASK_IN_PROGRESS", "token"],
      ]);
      expect((await names({ stream: "events", workflowExecId: execution }, 2))[1]).toEqual([
        "ACTIVITY_TASK_STARTED",
        "charge",
      ]);
    });

    test("workflow name, root and parent", async () => {
      expect(await names({ workflowName: "returns" }, 2)).toEqual([
        [type.STARTED, "returns"],
        [type.COMPLETED, "returns"],
      ]);
      expect(await names({ rootWorkflowExecId: execution }, 1)).toEqual([[type.STARTED, "orders"]]);
      const parent = await begin();
      await parent.append([
        {
          kind: "child_scheduled",
          child: 1,
          workflow: "returns",
          execution: `${parent.head.execution}-child`,
          input: null,
          on_parent_close: "abandon",
        },
      ]);
      const child = await take(events({ startSeq: from, parentWorkflowExecId: parent.head.execution }), 1);
      expect(child[0]?.data?.workflowContext).toMatchObject({
        workflowExecId: `${parent.head.execution}-child`,
        parentWorkflowExecId: parent.head.execution,
        rootWorkflowExecId: parent.head.execution,
      });
      const tree = await take(events({ rootWorkflowExecId: parent.head.execution }), 2);
      expect(tree.map((f) => f.data?.workflowContext.workflowName)).toEqual(["orders", "returns"]);
    });

    test("event types", async () => {
      const request = { workflowEventTypes: ["CUSTOM_TASK_IN_PROGRESS", type.COMPLETED] };
      expect(await names(request, 2)).toEqual([
        ["CUSTOM_TASK_IN_PROGRESS", "token"],
        [type.COMPLETED, "orders"],
      ]);
      expect(await names({ workflowEventTypes: [...PUBLIC_EVENT_TYPES], workflowExecId: execution }, 8)).toHaveLength(
        8,
      );
    });

    test("metadata, as query parameters of this client and as a JSON object", async () => {
      const metadataFilters = { custom_task_type: "token", workflow_run_id: run };
      expect(await names({ metadataFilters }, 2)).toEqual([
        ["CUSTOM_TASK_STARTED", "token"],
        ["CUSTOM_TASK_IN_PROGRESS", "token"],
      ]);
      const json = encodeURIComponent(JSON.stringify({ custom_task_id: "t-1" }));
      const frames = await Frames.open(w, `/v1/workflows/events/stream?start_seq=${from}&metadata_filters=${json}`);
      const frame = await frames.next();
      expect(frame?.data).toMatchObject({
        stream: "todo_list",
        metadata: { custom_task_id: "t-1", scope: "workflow" },
      });
      await frames.leave();
    });

    test("a filter of an unknown type or scope is refused by name", async () => {
      const bad = await w.ask("GET", "/v1/workflows/events/stream?workflow_event_types=NOPE&scope=all");
      expect(bad.status).toBe(422);
      expect((bad.body.detail as { loc: unknown[] }[]).map((d) => d.loc[1])).toEqual(
        expect.arrayContaining(["scope", "workflow_event_types"]),
      );
    });
  });

  test("progress that is published twice appears once", async () => {
    const drive = await begin();
    const { execution, run } = drive.head;
    const publish_id = w.ports.uuid();
    const attributes = { payload: { type: "json", value: 1, encoding_options: null } };
    const event = { event: "started", task: "t", task_type: "once", attributes, at: w.clock.now() } as const;
    const body = { execution, run, activity: 1, activity_name: "a", publish_id, events: [event] };
    await worker.call("publish", body);
    await worker.call("publish", body);
    await drive.close(finished);
    expect(types(await all(await streamOf(execution)))).toEqual([type.STARTED, "CUSTOM_TASK_STARTED", type.COMPLETED]);
  });

  test("a stream can be opened again after its reader has disconnected", async () => {
    const frames = await Frames.open(w, "/v1/workflows/events/stream?workflow_name=nope");
    await frames.leave();
    const again = await Frames.open(w, "/v1/workflows/events/stream?start_seq=0");
    expect((await again.next())?.id).toBe("1");
    await again.leave();
  });
});

async function take<T>(items: Promise<AsyncIterable<T>>, n: number): Promise<T[]> {
  const list: T[] = [];
  for await (const item of await items) {
    list.push(item);
    if (list.length === n) break;
  }
  return list;
}
