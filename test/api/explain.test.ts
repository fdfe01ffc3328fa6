/** Why an execution waits: each kind of wait is produced by real workflow code in a real worker, or by a worker's own calls. */
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import * as z from "zod";
import {
  activity,
  child,
  continueAsNew,
  on,
  type RunningWorker,
  signal,
  sleep,
  startWorker,
  update,
  type WorkerOptions,
  WorkflowError,
  waitForInput,
  waitUntil,
  workflow,
} from "../../sdk/index.ts";
import { WAIT_KINDS } from "../../shared/core/explain/kinds.ts";
import { Explanation } from "../../shared/protocol/http/explain.ts";
import { QUIET, type TestServer, testServer } from "../support/test-server.ts";
import { ScriptedWorker } from "./support/scripted-worker.ts";
import { PrintedWaits } from "./support/why-on-the-command-line.ts";
import { type World, world } from "./support/world.ts";

const never = Promise.withResolvers<void>();
const slow = activity({ name: "slow", timeout: "1h" }, async (_, ctx) => {
  ctx.heartbeat({ page: 7 });
  await never.promise;
});
const refusing = activity({ name: "refusing", retry: { maxAttempts: 4, first: "1h", max: "1h" } }, async () => {
  throw new Error("the bank is closed", { cause: new Error("connect ECONNREFUSED") });
});
const missing = activity({ name: "missing" }, async () => {});

const runs = workflow({ name: "running" }, async () => slow());
const retries = workflow({ name: "retries" }, async () => refusing());
const lacks = workflow({ name: "lacks" }, async () => missing());
const sleeper = workflow({ name: "sleeper" }, async () => sleep("3h"));
const approve = signal("approve", z.object({ by: z.string() }));
const amend = update("amend", z.object({ n: z.number() }), z.number());
const listens = workflow({ name: "listens", handlers: [approve, amend] }, async () => {
  let approvals = 0;
  on(approve, () => {
    approvals += 1;
  });
  on(amend, ({ n }) => n);
  await waitUntil(() => approvals === 2);
});
const asks = workflow({ name: "asks", interactive: true }, async () => {
  await waitForInput(z.object({ ok: z.boolean() }), { label: "May this be paid?" });
});
const parent = workflow({ name: "parent" }, async () => child(sleeper, {}, { id: "the-child" }));
const stuck = workflow({ name: "stuck" }, async () => waitUntil(() => false));
const broken = workflow({ name: "broken" }, async () => {
  (undefined as unknown as { x: () => void }).x();
});
let changed = false;
const diverging = workflow({ name: "diverging", handlers: [approve] }, async () => {
  on(approve, () => {});
  if (changed) await sleep("1h");
  else await missing();
});
const failing = workflow({ name: "failing" }, async () => {
  throw new WorkflowError("no stock", { cause: new Error("the warehouse is empty") });
});
const limited = workflow({ name: "limited", timeout: "1h" }, async () => missing());
const loops = workflow({ name: "loops", input: z.object({ n: z.number() }) }, async ({ n }) =>
  n < 6 ? continueAsNew({ n: n + 1 }) : sleep("1h"),
);
const workflows = [
  runs,
  retries,
  lacks,
  sleeper,
  listens,
  asks,
  parent,
  stuck,
  broken,
  diverging,
  failing,
  limited,
  loops,
];

let server: TestServer;
let worker: RunningWorker;
const start = (over: Partial<WorkerOptions> = {}) =>
  startWorker({
    workflows,
    activities: [slow, refusing],
    deployment: "shop",
    name: "host-1",
    url: server.url,
    apiKey: server.key,
    log: QUIET,
    ...over,
  } as WorkerOptions);
beforeAll(async () => {
  server = await testServer();
  worker = await start();
});
afterAll(async () => {
  never.resolve();
  await worker.stop();
  await server.close();
});

async function call(method: string, path: string, body?: unknown, apiKey = server.key) {
  const response = await fetch(`${server.url}/v1/workflows${path}`, {
    method,
    headers: { authorization: `Bearer ${apiKey}`, "content-type": "application/json" },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, body: text === "" ? null : JSON.parse(text) };
}
const begin = (workflow: string, id: string, input = {}) =>
  call("POST", `/${workflow}/execute`, { execution_id: id, input });
const why = async (id: string) => Explanation.parse((await call("GET", `/executions/${id}/explain`)).body);

const printed = new PrintedWaits(() => server);

/** The explanation, once it has a wait of this kind. */
const untilKind = (id: string, kind: keyof typeof WAIT_KINDS) =>
  vi.waitFor(
    async () => {
      const explanation = await why(id);
      const wait = explanation.waits.find((w) => w.kind === kind);
      expect(wait, JSON.stringify(explanation)).toBeDefined();
      await printed.take("why", id);
      return { ...explanation, wait: wait! };
    },
    { timeout: 15_000, interval: 20 },
  );

describe("a running execution", () => {
  test("waits for an activity that runs: its worker, its attempt, and its last heartbeat with the details", async () => {
    await begin("running", "e-runs");
    await vi.waitFor(
      async () =>
        expect((await untilKind("e-runs", "activity_running")).wait.evidence.heartbeat_details).not.toBeNull(),
      { timeout: 10_000 },
    );
    const { wait, summary, status, waits } = await untilKind("e-runs", "activity_running");
    expect(summary).toMatch(
      /^Activity 'slow' \(attempt 1 of \d+\) has been running on worker 'host-1' for .*; its last heartbeat/,
    );
    expect(wait).toMatchObject({
      actor: "worker",
      evidence: { activity: "slow", attempt: 1, worker: "host-1", heartbeat_details: { page: 7 } },
    });
    expect([status, waits.length]).toEqual(["RUNNING", 1]);
    expect(Date.parse(wait.until!) - Date.parse(wait.since!)).toBe(3_600_000);
    never.resolve(); // a worker that stops waits for it
    await untilKind("e-runs", "closed");
  });

  test("waits for the next attempt of an activity: the last failure with its causes, and when", async () => {
    await begin("retries", "e-retries");
    const { wait, summary } = await untilKind("e-retries", "activity_backoff");
    expect(summary).toMatch(
      /^Activity 'refusing' failed at attempt 1 of 4: the bank is closed; the next attempt begins at /,
    );
    expect(wait.evidence.last_failure).toEqual(["the bank is closed", "connect ECONNREFUSED"]);
    expect(Date.parse(wait.until!)).toBeGreaterThan(Date.now() + 3_000_000);
  });

  test("waits for a worker that has the activity", async () => {
    await begin("lacks", "e-lacks");
    const { wait, summary } = await untilKind("e-lacks", "activity_not_served");
    expect(summary).toContain("none of the 1 live worker of deployment 'shop' has it");
    expect(wait).toMatchObject({ actor: "operator", evidence: { activity: "missing", live_workers: ["host-1"] } });
    expect(wait.what_to_do).toContain("runWorker({ activities: [missing] })");
  });

  test("waits for a timer", async () => {
    await begin("sleeper", "e-sleeper");
    const { wait, summary } = await untilKind("e-sleeper", "timer");
    expect(summary).toMatch(/^Timer 1 ends at .*Z, in 2 h 59 min\.$/);
    expect(Date.parse(wait.until!) - Date.parse(wait.since!)).toBeGreaterThan(2.9 * 3_600_000);
  });

  test("waits for signals and updates, and names those that were never called", async () => {
    await begin("listens", "e-listens");
    const before = await untilKind("e-listens", "message");
    expect(before.summary).toContain("for 'approve', 'amend': 'approve', 'amend' have never been called");
    expect(before.wait.what_to_do).toBe(`Send it: sirocco signal e-listens approve --input '{"by":…}'`);
    await call("POST", "/executions/e-listens/signals", { name: "approve", input: { by: "ada" } });
    await vi.waitFor(async () => expect((await why("e-listens")).summary).toContain("'amend' has never been called"));
    expect((await untilKind("e-listens", "message")).wait.evidence.handlers).toEqual([
      { type: "signal", name: "approve", calls: 1 },
      { type: "update", name: "amend", calls: 0 },
    ]);
  });

  test("waits for a person", async () => {
    await begin("asks", "e-asks");
    const { wait, summary } = await untilKind("e-asks", "human_input");
    expect(summary).toMatch(/^A person must answer "May this be paid\?", asked/);
    expect(wait).toMatchObject({ actor: "person", evidence: { label: "May this be paid?" } });
    const answered = { name: "__submit_input", input: { task_id: wait.evidence.task_id, input: { ok: true } } };
    expect((await call("POST", "/executions/e-asks/updates", answered)).status).toBe(200);
    expect((await untilKind("e-asks", "closed")).summary).toMatch(/^The execution completed/);
  });

  test("waits for a child, whose own explanation is part of the answer", async () => {
    await begin("parent", "e-parent");
    await untilKind("the-child", "timer");
    const { wait, summary } = await untilKind("e-parent", "child");
    expect(summary).toContain("Child 'the-child' of workflow 'sleeper' has been running for");
    expect(summary).toContain("Timer 1 ends at");
    expect(wait.evidence.explanation).toMatchObject({ status: "RUNNING", waits: [{ kind: "timer" }] });
  });

  test("waits for nothing that could come", async () => {
    await begin("stuck", "e-stuck");
    const { wait, summary } = await untilKind("e-stuck", "condition");
    expect(summary).toContain("nothing can bring it further");
    expect(wait.actor).toBe("developer");
  });

  test("waits for a repair of its code: the error, and when it is tried again", async () => {
    await begin("broken", "e-broken");
    const { wait, summary } = await untilKind("e-broken", "workflow_code_failing");
    expect(summary).toContain("The code of workflow 'broken' has been failing for");
    expect(wait.evidence.error).toContain("Cannot read properties of undefined");
    expect(wait.evidence.registration).toEqual(expect.any(String));
    expect(wait).toMatchObject({ actor: "developer", evidence: { distinct_errors: 1 } });
  });

  test("waits for code that does what it recorded: the expected and the actual command", async () => {
    await begin("diverging", "e-diverging");
    await untilKind("e-diverging", "activity_not_served");
    changed = true;
    await worker.stop();
    worker = await start();
    await call("POST", "/executions/e-diverging/signals", { name: "approve", input: { by: "ada" } });
    const { wait } = await untilKind("e-diverging", "workflow_code_failing");
    expect(wait.text).toContain(
      "it recorded activity_scheduled (activity 1, name missing), but now decides timer_started",
    );
    expect(wait.evidence).toMatchObject({ expected: "activity_scheduled (activity 1, name missing)" });
    expect(wait.evidence.messages).toEqual(["signal approve"]);
  });

  test("is held when it continues as new too often", async () => {
    await begin("loops", "e-held", { n: -100 });
    const { wait, summary } = await untilKind("e-held", "held");
    expect([wait.actor, Date.parse(wait.until!) > Date.parse(wait.since!)]).toEqual(["time", true]);
    expect(summary).toContain("The execution continued as new 5 times in the last");
    await call("POST", "/executions/e-held/terminate");
  });

  test("loops by continuing as new", async () => {
    await begin("loops", "e-loops", { n: 0 });
    const { wait, summary } = await untilKind("e-loops", "continue_as_new_loop");
    expect(summary).toMatch(/^The execution continued as new 5 times in the last/);
    expect(wait.actor).toBe("developer");
  });
});

describe("a closed execution", () => {
  test("that failed tells its failure with the chain of causes", async () => {
    await begin("failing", "e-failing");
    const { wait, summary } = await untilKind("e-failing", "closed");
    expect(summary).toMatch(/The execution failed .* ago: WorkflowError: no stock, caused by the warehouse is empty\./);
    expect(wait.evidence).toMatchObject({
      status: "FAILED",
      causes: ["WorkflowError: no stock", "the warehouse is empty"],
    });
  });

  test("that was terminated tells by whom", async () => {
    await begin("sleeper", "e-ended");
    await untilKind("e-ended", "timer");
    await call("POST", "/executions/e-ended/terminate");
    expect((await untilKind("e-ended", "closed")).summary).toMatch(/was terminated .* ago: terminated by 'tester'\./);
  });
});

describe("without any live worker", () => {
  test("the answer names the last worker, and still tells what the execution waits for", async () => {
    await begin("listens", "e-alone");
    await untilKind("e-alone", "message");
    await worker.stop();
    const { summary, waits } = await untilKind("e-alone", "no_live_worker");
    expect(summary).toMatch(/^No worker of deployment 'shop' is live: .* \(and 1 further wait: message\)\.$/);
    expect(waits.map(({ kind }) => kind)).toEqual(["no_live_worker", "message"]);
    expect(waits[0]).toMatchObject({ actor: "operator", evidence: { deployment: "shop" } });
    await call("POST", "/executions/e-alone/signals", { name: "approve", input: { by: "ada" } });
    const waiting = (await why("e-alone")).waits[0];
    expect(waiting).toMatchObject({ kind: "no_live_worker", evidence: { messages: ["signal approve"] } });
    worker = await start();
  });
});

describe("with a worker whose calls the test makes", () => {
  let w: World;
  beforeAll(async () => {
    w = await world();
  });
  afterAll(() => w.close());
  const printedHere = new PrintedWaits(() => ({ url: w.server.url, key: w.key }));
  const explainIn = async (id: string, apiKey?: string) => {
    await printedHere.take("why", id);
    return (await w.ask("GET", `/v1/workflows/executions/${id}/explain`, apiKey === undefined ? {} : { key: apiKey }))
      .body as unknown as Explanation;
  };
  const retry = { max_attempts: 0, first_ms: 1_000, factor: 2, max_ms: 60_000, non_retryable: [] };
  const scheduled = (where: string) =>
    ({ kind: "activity_scheduled", activity: 1, name: "charge", input: null, where, options: { retry } }) as never;
  const begun = async (id: string, deployment = "shop") => {
    const worker = await w.worker(deployment, [{ name: "orders", execution_timeout: 7_200 }]);
    await w.ask("POST", "/v1/workflows/orders/execute", { body: { execution_id: id, deployment_name: deployment } });
    return worker;
  };

  test("a start that no worker has taken yet waits for one", async () => {
    await begun("s-start", "a1");
    expect((await explainIn("s-start")).waits).toMatchObject([{ kind: "workflow_task", actor: "worker" }]);
  });

  test("a queued activity waits for its rate limit while the permits of the key are given away", async () => {
    const worker = await begun("s-rate", "a2r");
    await worker.call("register", {
      ...worker.who,
      definitions: [{ name: "orders", input_schema: {} }] as never,
      activities: ["charge"],
      sdk: "x",
    });
    const drive = await worker.claim("s-rate");
    const rate_limit = { key: "provider", max: 1, per_ms: 10_000 };
    const limited = { kind: "activity_scheduled", activity: 1, name: "charge", input: null, where: "queue" };
    await drive.append([{ ...limited, options: { retry, rate_limit } } as never]);
    await drive.park();
    expect((await explainIn("s-rate")).waits[0]).toMatchObject({ kind: "activity_queued" });
    const [delivery] = await worker.poll("activity");
    const ask = () => worker.call("permit", { items: [{ task: delivery!.task as never, attempt: 1 }] });
    const now = w.clock.now();
    expect((await ask()).results).toMatchObject([{ kind: "granted", at: now }]);
    const { results } = await ask();
    expect(results).toMatchObject([{ kind: "later" }]);
    const explained = await explainIn("s-rate");
    expect(explained.waits[0]).toMatchObject({
      kind: "activity_rate_limited",
      actor: "time",
      evidence: { rate_limit: "provider", max: 1 },
    });
    expect(explained.summary).toContain(
      "is waiting for rate limit 'provider' (1 in 10 s), whose permits are given away until ",
    );
    const { execution, run, chain } = drive.head;
    const ref = { execution, run, chain, activity: 1, attempt: 1 };
    const queued = { name: "charge", input: null, first_attempt: 1 };
    await worker.call("begin", { ...ref, session: worker.session, queued });
    expect((await explainIn("s-rate")).waits[0]).toMatchObject({ kind: "activity_running" });
  });

  test("a queued activity waits for a slot, then runs on the worker that began it, then for its next attempt", async () => {
    const worker = await begun("s-queue", "a2");
    await worker.call("register", {
      ...worker.who,
      definitions: [{ name: "orders", input_schema: {} }] as never,
      activities: ["charge"],
      sdk: "x",
    });
    const drive = await worker.claim("s-queue");
    await drive.append([scheduled("queue")]);
    await drive.park();
    const queued = await explainIn("s-queue");
    expect(queued.waits.map(({ kind }) => kind)).toContain("activity_queued");
    expect(queued.summary).toContain("where 1 live worker has no free slot for it yet");
    const { execution, run, chain } = drive.head;
    const ref = { execution, run, chain, activity: 1, attempt: 1 };
    await worker.call("begin", {
      ...ref,
      session: worker.session,
      queued: { name: "charge", input: null, first_attempt: 1 },
    });
    expect((await explainIn("s-queue")).summary).toMatch(
      /^Activity 'charge' \(attempt 1 of any number\) has been running on worker 'w1'/,
    );
    const failure = { message: "declined", type: "CardError" };
    await worker.call("retrying", { ...ref, name: "charge", failure, retry_at: w.clock.now() + 60_000 });
    const [wait] = (await explainIn("s-queue")).waits;
    expect(wait).toMatchObject({
      kind: "activity_backoff",
      evidence: { attempt: 1, last_failure: ["CardError: declined"] },
    });
  });

  test("an activity whose worker is silent waits for a live one", async () => {
    const worker = await begun("s-lost", "a3");
    const drive = await worker.claim("s-lost");
    await drive.append([scheduled(`local:${worker.session}`)]);
    await w.clock.advance(40_000);
    const [wait] = (await explainIn("s-lost")).waits;
    expect(wait).toMatchObject({ kind: "activity_worker_lost", evidence: { worker: "w1", attempt: 1 } });
    expect(wait!.text).toContain("sent its last heartbeat 40 s ago");
  });

  test("a cancellation that the code has not answered yet is told beside what is still open", async () => {
    const worker = await begun("s-cancel", "a9");
    const drive = await worker.claim("s-cancel");
    await drive.append([scheduled("queue"), { kind: "cancel_requested", message: "cancel#1", reason: null }]);
    const kinds = (await explainIn("s-cancel")).waits.map(({ kind }) => kind);
    expect(kinds).toEqual(expect.arrayContaining(["activity_not_served", "cancelling"]));
  });

  test("code in quarantine is told with its end", async () => {
    const worker = await begun("s-quarantine", "a4");
    const drive = await worker.claim("s-quarantine");
    const failure = { message: "blocked the event loop for 30 s", type: "BlockedLoopError" };
    await drive.append([{ kind: "workflow_task_failed", failure, fingerprint: "f", quarantined: "abc" }]);
    const [wait] = (await explainIn("s-quarantine")).waits;
    expect(wait).toMatchObject({ kind: "quarantined", actor: "developer" });
    expect(Date.parse(wait!.until!)).toBe(w.clock.now() + 600_000);
  });

  test("live workers without the workflow are told from no worker at all", async () => {
    const worker = await begun("s-route", "a5");
    await worker.stop();
    await w.worker("a5", [{ name: "other" }], { name: "w2" });
    const [wait] = (await explainIn("s-route")).waits;
    expect(wait).toMatchObject({ kind: "workflow_not_served", evidence: { workflow: "orders", live_workers: ["w2"] } });
  });

  test("an execution of a deployment without workers is told which ones serve its workflow now, and that it stays", async () => {
    const worker = await begun("s-stays", "a10");
    await worker.stop();
    const alone = (await explainIn("s-stays")).waits[0]!;
    expect(alone).toMatchObject({
      kind: "no_live_worker",
      evidence: { served_by: expect.not.arrayContaining(["a10"]) },
    });
    await w.worker("a11", [{ name: "orders" }], { name: "w11" });
    const [wait] = (await explainIn("s-stays")).waits;
    expect(wait).toMatchObject({ kind: "no_live_worker", evidence: { deployment: "a10" } });
    expect(wait!.evidence.served_by).toContain("a11");
    expect(wait!.text).toContain("serve workflow 'orders' now, but an execution stays in the deployment");
    await w.worker("a10", [{ name: "other" }], { name: "w12" });
    const [inactive] = (await explainIn("s-stays")).waits;
    expect(inactive).toMatchObject({ kind: "workflow_not_served", evidence: { deployment: "a10" } });
    expect(inactive!.evidence.served_by).toContain("a11");
  });

  test("an execution that is pinned to a version without workers is told which version, and which ones are live", async () => {
    const pinned = { name: "orders", versioning: "pinned" };
    const as = (name: string) =>
      new ScriptedWorker({ url: w.server.url, key: w.key, clock: w.clock, deployment: `a12-${name}`, name });
    const [v1, v2] = [as("v1"), as("v2")];
    for (const worker of [v1, v2])
      await worker.register([pinned], { version: { of: "a12", name: worker.name, promote: false } });
    const body = { execution_id: "s-pinned", deployment_name: "a12-v1" };
    await w.ask("POST", "/v1/workflows/orders/execute", { body });
    await v1.stop();
    const [wait] = (await explainIn("s-pinned")).waits;
    expect(wait).toMatchObject({ kind: "no_live_version", evidence: { version: "v1", live_versions: ["v2"] } });
  });

  test("a time limit that struck tells what was open then", async () => {
    const worker = await begun("s-limit", "a6");
    const drive = await worker.claim("s-limit");
    await drive.append([scheduled("queue")]);
    await w.clock.advance(7_300_000);
    const claimed = await worker.call("claim", { execution: "s-limit", session: worker.session });
    expect(claimed.kind).toBe("closed");
    const { summary, status, waits } = await explainIn("s-limit");
    expect(status).toBe("TIMED_OUT");
    expect(summary).toContain("time limit of 2 h after this run's start");
    expect(waits[0]!.evidence.open_at_the_end).toEqual(["activity 'charge' (attempt 1)"]);
  });

  test("a read-only key may ask, a stranger is told that there is no such execution", async () => {
    await begun("s-rights", "a7");
    const reader = await w.newKey({ workspace: w.workspace, rights: ["read"] });
    expect((await explainIn("s-rights", reader.key)).status).toBe("RUNNING");
    const stranger = await w.newKey();
    const answer = await w.ask("GET", "/v1/workflows/executions/s-rights/explain", { key: stranger.key });
    expect([answer.status, answer.body.code]).toEqual([404, "WF_1100"]);
  });

  test("a history of many events is folded in parts, and nothing of it is lost", async () => {
    const worker = await begun("s-long", "a8");
    const drive = await worker.claim("s-long");
    for (let i = 0; i < 20; i++) {
      const events = Array.from({ length: 500 }, (_, j) => {
        const timer = i * 250 + Math.floor(j / 2) + 1;
        return j % 2 === 0 ? { kind: "timer_started", timer, fire_at: w.clock.now() } : { kind: "timer_fired", timer };
      });
      await drive.append(events as never);
    }
    await drive.append([{ kind: "timer_started", timer: 9_000, fire_at: w.clock.now() + 60_000 } as never]);
    const { waits } = await explainIn("s-long");
    expect(waits.filter(({ kind }) => kind === "timer").map(({ evidence }) => evidence.timer)).toEqual([9_000]);
    expect(waits.some(({ evidence }) => "history_read_to_event" in evidence)).toBe(false);
  });

  test("an execution of a paused schedule is told so", async () => {
    await begun("s-before", "a10");
    const schedule = { input: {}, intervals: [{ every: "PT1H" }] };
    const body = { schedule_id: "s-paused", workflow_identifier: "orders", deployment_name: "a10", schedule };
    expect((await w.ask("POST", "/v1/workflows/schedules", { body })).body).toMatchObject({ schedule_id: "s-paused" });
    const triggered = await w.ask("POST", "/v1/workflows/schedules/s-paused/trigger", { body: {} });
    expect(triggered.status).toBe(204);
    await w.ask("POST", "/v1/workflows/schedules/s-paused/pause", { body: { note: "stop" } });
    const { executions } = (await w.ask("GET", "/v1/workflows/runs?search=s-paused")).body as unknown as {
      executions: { execution_id: string }[];
    };
    const { waits } = await explainIn(executions[0]!.execution_id);
    expect(waits.map(({ kind }) => kind)).toContain("schedule_paused");
  });

  test("an execution of a held deployment is told who holds it, and how it goes on", async () => {
    await begun("s-held", "a11");
    const hold = { deployment_name: "a11", reason: "the shop moves" };
    expect((await w.ask("POST", "/v1/holds", { body: hold })).status).toBe(200);
    const held = (await explainIn("s-held")).waits.find(({ kind }) => kind === "on_hold")!;
    expect(held.evidence).toMatchObject({ reason: "the shop moves" });
    expect((await w.ask("POST", "/v1/holds/release", { body: { deployment_name: "a11" } })).status).toBe(200);
    const released = (await explainIn("s-held")).waits.find(({ kind }) => kind === "on_hold")!;
    expect([held.actor, released.actor]).toEqual(["operator", "time"]);
  });

  test("the command says for each kind of wait what to do, and the tests above have met each", () => {
    const met = new Set([...printed.kinds, ...printedHere.kinds]);
    expect(Object.keys(WAIT_KINDS).filter((kind) => !met.has(kind))).toEqual([]);
  });
});
