/** The scenarios behind the recorded histories: each plays one execution and returns the answer of `GET …/history`. */
import { startServer } from "../../cli/server/index.ts";
import { type AnyActivity, startWorker, WorkflowError } from "../../sdk/index.ts";
import { type RecordedHistory, type TestEnvironment, testEnvironment } from "../../sdk/testing/index.ts";
import { DEFAULT_WORKSPACE } from "../../shared/api/auth.ts";
import { createKey } from "../../shared/api/create-key.ts";
import { embedded } from "../../shared/server/embedded.ts";
import * as w from "./workflows.ts";

type Scenario = () => Promise<RecordedHistory>;

class CardRefused extends WorkflowError {}

/** Runs `play` in an installation of its own on a virtual clock. `play` answers an execution or a run. */
function played(play: (env: TestEnvironment) => Promise<{ execution: string } | { run: string }>): Scenario {
  return async () => {
    await using env = await testEnvironment({
      workflows: w.workflows,
      activities: w.activities,
      workers: 2,
      activityPatienceMs: 20,
    });
    const of = await play(env);
    const path = "run" in of ? `runs/${of.run}` : `executions/${of.execution}`;
    const answer = await env.api("GET", `/v1/workflows/${path}/history?decode_payloads=true`);
    return answer.body as RecordedHistory;
  };
}

const ended = async (run: { id: string; result(): Promise<unknown> }) => {
  await run.result().catch(() => {});
  return { execution: run.id };
};

const pipeline = (prepare: (env: TestEnvironment) => void) =>
  played(async (env) => {
    prepare(env);
    return ended(await env.start(w.pipeline, { order: "o-1" }, { id: "pipeline-1" }));
  });

const transfer = (interrupt: (run: { cancel(): Promise<void>; terminate(): Promise<void> }) => Promise<void>) =>
  played(async (env) => {
    const run = await env.start(w.transfer, {}, { id: "transfer-1" });
    await env.advance("3 days");
    await interrupt(run);
    return ended(run);
  });

/** Both runs of an execution that continues as new after its second signal. */
const counter = (which: "first" | "last") =>
  played(async (env) => {
    const run = await env.start(w.counter, { total: 0, runs: 1 }, { id: "counter-1" });
    await run.signal(w.add, { n: 1 });
    await env.advance("1 day");
    await run.signal(w.add, { n: 10 });
    await env.advance("1 day");
    const [begun] = await run.history();
    await run.signal(w.add, { n: 100 });
    await run.signal(w.add, { n: 1000 });
    await run.result();
    const first = begun?.kind === "execution_started" ? begun.first_run : "";
    return which === "first" ? { run: first } : { execution: run.id };
  });

/** Once recorded before the flag `early-messages-in-order`, once with it. */
const earlySignals = played(async (env) => {
  const run = await env.start(w.account, {}, { id: "account-1" });
  await run.signal(w.withdraw, { n: 1 });
  await run.signal(w.deposit, { n: 2 });
  await run.signal(w.withdraw, { n: 3 });
  await run.signal(w.deposit, { n: 4 });
  return ended(run);
});

export const scenarios: Record<string, Scenario> = {
  "pipeline-completed": pipeline(() => {}),
  "pipeline-retried": pipeline((env) => {
    env.failNext(w.charge, new Error("card reader offline"), 2);
    env.failNext(w.work, new WorkflowError("busy", { retryAfter: "1m" }), 1);
  }),
  "pipeline-failed": pipeline((env) => env.failNext(w.work, new Error("no"), 3)),
  "pipeline-reset": played(async (env) => {
    env.failNext(w.work, new Error("no"), 3);
    const run = await env.start(w.pipeline, { order: "o-1" }, { id: "pipeline-1" });
    await ended(run);
    await run.reset({ to: "first_failure", reason: "it works now" });
    return ended(run);
  }),
  "pipeline-not-retried": pipeline((env) => env.failNext(w.charge, new CardRefused("stolen"), 1)),
  "pipeline-worker-lost": played(async (env) => {
    let entered = 0;
    env.stub(w.charge, async ({ order }) => {
      entered += 1;
      if (entered === 1) await new Promise(() => {});
      return { receipt: `r-${order}` };
    });
    const run = await env.start(w.pipeline, { order: "o-1" }, { id: "pipeline-1" });
    await env.killWorker();
    await env.killWorker();
    await env.addWorker();
    return ended(run);
  }),
  "approval-approved": played(async (env) => {
    const run = await env.start(w.approval, {}, { id: "approval-1" });
    await env.advance("2 days");
    await run.signal(w.approve, { by: "ada" });
    await run.signal(w.approve, { by: "grace" });
    return ended(run);
  }),
  "approval-early-signal": played(async (env) => {
    const run = await env.start(w.approval, {}, { id: "approval-1" });
    await run.signal(w.approve, { by: "early" });
    return ended(run);
  }),
  "approval-nobody": played(async (env) => ended(await env.start(w.approval, {}, { id: "approval-1" }))),
  messenger: played(async (env) => {
    await env.start(w.counter, { total: 0, runs: 1 }, { id: "counter-1" });
    return ended(await env.start(w.messenger, {}, { id: "messenger-1" }));
  }),
  family: played(async (env) => ended(await env.start(w.family, {}, { id: "family-1" }))),
  "account-early-signals": earlySignals,
  "account-early-signals-in-order": earlySignals,
  "counter-first-run": counter("first"),
  "counter-last-run": counter("last"),
  "transfer-cancelled": transfer((run) => run.cancel()),
  "transfer-cancelled-in-activity": played(async (env) => {
    const untilAborted = ({ signal }: { signal: AbortSignal }) =>
      new Promise<never>((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    env.stub(w.work, (_, ctx) => untilAborted(ctx));
    const run = await env.start(w.transfer, {}, { id: "transfer-1" });
    await run.cancel();
    return ended(run);
  }),
  "transfer-terminated": transfer((run) => run.terminate()),
  cart: played(async (env) => {
    const run = await env.start(w.cart, {}, { id: "cart-1" });
    await run.update(w.put, { item: "tea", price: 5 });
    await run.update(w.put, { item: "pot", price: 60 });
    await run.update(w.put, { item: "tea", price: 6 }).catch(() => {});
    await run.update(w.put, { item: "car", price: 9000 }).catch(() => {});
    await run.update(w.checkout, {}).catch(() => {});
    return { execution: run.id };
  }),
  report: played(async (env) => ended(await env.start(w.report, {}, { id: "report-1" }))),
  review: played(async (env) => {
    const run = await env.start(w.review, {}, { id: "review-1" });
    const path = "/v1/workflows/executions/review-1";
    const asked = await env.api("POST", `${path}/queries`, { name: "__get_pending_inputs" });
    const { pending_inputs: open } = (asked.body as { result: { pending_inputs: { task_id: string }[] } }).result;
    const submit = (input: unknown) =>
      env.api("POST", `${path}/updates`, { name: "__submit_input", input: { task_id: open[0]?.task_id, input } });
    await submit({ grade: 6 });
    await env.advance("1 day");
    await submit({ grade: 5 });
    return ended(run);
  }),
  repaired: played(async (env) => {
    w.flaw.broken = true;
    const run = await env.start(w.repaired, {}, { id: "repaired-1" });
    await env.advance("1m");
    await run.signal(w.add, { n: 1 });
    await env.advance("1m");
    w.flaw.broken = false;
    return ended(run);
  }),
  tried: played(async (env) => {
    const gate = Promise.withResolvers<{ n: number }>();
    env.stub(w.work, () => gate.promise);
    const run = await env.start(w.tried, {}, { id: "tried-1" });
    for (let death = 1; death <= 3; death++) {
      await env.killWorker();
      await env.killWorker();
      await env.addWorker();
      await env.addWorker();
      await env.advance("40s");
    }
    gate.resolve({ n: 2 });
    return ended(run);
  }),
  "overdue-timed-out": played(async (env) => ended(await env.start(w.overdue, {}, { id: "overdue-1" }))),
  changed: played(async (env) => ended(await env.start(w.changed, {}, { id: "changed-1" }))),
  thumbnails: queued,
};

/** One worker without activities and one without workflows, on a server with real time. */
async function queued(): Promise<RecordedHistory> {
  const ports = embedded();
  const server = await startServer({ ports, version: "0", port: 0 });
  const stop = ports.maintain();
  const { key } = await createKey(ports, { workspace: DEFAULT_WORKSPACE, name: "recorder" });
  let charged = 0;
  const once: AnyActivity = new Proxy(w.charge, {
    get: (target, name) =>
      name !== "fn"
        ? Reflect.get(target, name)
        : () => {
            charged += 1;
            if (charged === 1) throw new WorkflowError("try again", { retryAfter: 1 });
            return { receipt: "r-q-1" };
          },
  });
  const log = { debug() {}, info() {}, warn() {}, error() {} };
  const common = { workflows: [w.thumbnails], activities: [w.work, once], url: server.url, apiKey: key, log };
  const driver = await startWorker({ ...common, deployment: "media", name: "driver", maxConcurrentActivities: 0 });
  const runner = await startWorker({ ...common, deployment: "media", name: "runner", maxConcurrentWorkflows: 0 });
  const ask = async (method: string, path: string, body?: object) => {
    const headers = { authorization: `Bearer ${key}`, "content-type": "application/json" };
    const response = await fetch(`${server.url}/v1/workflows/${path}`, {
      method,
      headers,
      ...(body && { body: JSON.stringify(body) }),
    });
    return (await response.json()) as never;
  };
  await ask("POST", "thumbnails/execute", { execution_id: "thumbnails-1", wait_for_result: true });
  const history = await ask("GET", "executions/thumbnails-1/history?decode_payloads=true");
  await Promise.all([driver.stop(), runner.stop()]);
  stop();
  await server.close();
  ports.close();
  return history;
}
