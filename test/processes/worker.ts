/**
 * A worker process that can die at a named point. `--die claim:before --after n` kills it with SIGKILL before it sends the
 * n-th claim, `claim:after` after it has received the answer. Each attempt of an activity appends a line to a file, the
 * journal, so that a test sees what was executed.
 */
import { randomUUID } from "node:crypto";
import { appendFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { activity, log, on, query, signal, sleep, update, waitUntil, workflow } from "@sirocco/sdk";
import * as z from "zod";
import { httpTransport } from "../../sdk/worker/http-transport.ts";
import { consoleLog } from "../../sdk/worker/log.ts";
import type { Transport } from "../../sdk/worker/transport.ts";
import { Worker } from "../../sdk/worker/worker.ts";
import { hosted } from "../../sdk/workflow/hosted.ts";
import { realClock } from "../../shared/lib/clock.ts";
import type { WorkerAnswer } from "../../shared/protocol/worker.ts";

const { values } = parseArgs({
  options: {
    url: { type: "string" },
    key: { type: "string" },
    deployment: { type: "string", default: "crash" },
    name: { type: "string" },
    die: { type: "string" },
    after: { type: "string", default: "1" },
    journal: { type: "string" },
  },
});

const note = activity(
  { name: "note", input: z.object({ n: z.number(), ms: z.number() }), retry: { maxAttempts: 10, first: 50 } },
  async ({ n, ms }, ctx) => {
    appendFileSync(
      values.journal!,
      `${JSON.stringify({ n, key: ctx.idempotencyKey, attempt: ctx.attempt, by: values.name })}\n`,
    );
    if (ms > 0) await new Promise((ok) => setTimeout(ok, ms));
    return { n };
  },
);
const go = signal("go", z.object({}));
const where = query("where", z.object({ step: z.number(), label: z.string() }));
const relabel = update("relabel", z.object({ to: z.string().min(2) }), z.object({ was: z.string() }));
const walk = workflow(
  { name: "walk", input: z.object({ steps: z.number(), ms: z.number().default(0) }), handlers: [go, where, relabel] },
  async ({ steps, ms }) => {
    let released = false;
    let step = 0;
    let label = "none";
    on(where, () => ({ step, label }));
    on(relabel, ({ to }) => {
      const was = label;
      label = to;
      return { was };
    });
    on(go, () => {
      released = true;
    });
    for (let n = 0; n < steps; n++) {
      await note({ n, ms });
      step = n + 1;
      log.info(`stepped ${n}`);
    }
    await sleep(300);
    if (!(await waitUntil(() => released, "30s"))) return { steps, signalled: false };
    await note({ n: steps, ms: 0 });
    return { steps, signalled: true };
  },
);

/** In the journal beside the attempts: the server has refused a batch, because a crash has lost the claim (CLAIM-6). */
function noteLostClaims({ results }: WorkerAnswer<"append">): void {
  if (!results.some(({ kind }) => kind === "fenced")) return;
  appendFileSync(values.journal!, `${JSON.stringify({ n: -1, key: "lost claim", attempt: 1, by: values.name })}\n`);
}

const real = httpTransport({ url: values.url!, apiKey: values.key! });
let callsLeft = Number(values.after);
const [operation, when] = (values.die ?? "").split(":");
const die = () => process.kill(process.pid, "SIGKILL");
const transport: Transport = {
  close: () => real.close(),
  async call(op, body, options) {
    const counted = op === operation;
    if (counted) callsLeft -= 1;
    if (counted && callsLeft === 0 && when === "before") die();
    const answer = await real.call(op, body, options);
    if (counted && callsLeft === 0 && when === "after") die();
    if (op === "append") noteLostClaims(answer as WorkerAnswer<"append">);
    return answer;
  },
};
const worker = new Worker(
  {
    transport,
    clock: realClock,
    log: { ...consoleLog(), info: () => {}, warn: () => {}, error: () => {} },
    session: randomUUID(),
    deployment: values.deployment,
    uuid: randomUUID,
    workflows: new Map([["walk", hosted(walk)]]),
    activities: new Map([["note", note]]),
    limits: { maxConcurrentActivities: 100, maxConcurrentWorkflows: 200, cachedExecutions: 1000 },
    resources: {},
    deterministic: true,
    failOnAnyError: false,
    shipLogs: "info",
  },
  values.name!,
);
const registered = await worker.start();
process.send!({ session: worker.session, warnings: registered.warnings });
process.once("SIGTERM", () => void worker.stop(5_000).then(() => process.exit(0)));
