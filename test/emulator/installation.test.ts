/**
 * The deployed product: the official client calls the REST API, and workers are real processes that poll SQS with the
 * credentials of their registration, some of them killed with SIGKILL. The emulator enforces all rights.
 */
import { type ChildProcess, execFile, fork } from "node:child_process";
import { randomUUID } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SendMessageCommand } from "@aws-sdk/client-sqs";
import { STSClient } from "@aws-sdk/client-sts";
import { Mistral } from "@mistralai/mistralai";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { refill } from "../../infra/operate/feed.ts";
import { deleteQueues, installationOf, listQueues } from "../../infra/operate/queues.ts";
import { type BatchInfo, recordsOf } from "../../infra/operate/stream-records.ts";
import type { Deployment } from "../../localstack/deploy.ts";
import type { RunningWorker } from "../../sdk/index.ts";
import { DEFAULT_WORKSPACE } from "../../shared/api/index.ts";
import { invokeAgain } from "../../shared/aws/invoke-again.ts";
import type { WorkerAnswer } from "../../shared/protocol/worker.ts";
import { checkEnds, checkExecution, checkLists, checkMetrics, checkResets, checkWaits } from "../python/checks.ts";
import { startStoryWorker } from "../python/story.ts";
import { describeUnless } from "../support/describe-unless.ts";
import { functionOf } from "./lambda.ts";
import { DEPLOYED_WITHIN_MS, type Shared, sharedStack } from "./shared-stack.ts";
import { cannotRun, eventually } from "./support.ts";

let account: Shared["account"];
let stack: Deployment;
let client: Mistral;
let key: string;
const dir = mkdtempSync(join(tmpdir(), "sirocco-installation-"));
const book = join(dir, "book.jsonl");
const children: ChildProcess[] = [];

interface Entry {
  readonly n: number;
  readonly key: string;
  readonly attempt: number;
  readonly by: string;
}
const entries = (of = book): Entry[] => {
  try {
    return readFileSync(of, "utf8")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
  } catch {
    return [];
  }
};

/** Starts a worker process. Its environment has no variables of AWS: its registration answers all it needs. */
function worker(
  name: string,
  deployment = "crash",
  at = { key, book },
): Promise<{ child: ChildProcess; warnings: string[] }> {
  const args = ["--url", stack.workerUrl, "--key", at.key, "--name", name, "--journal", at.book];
  args.push("--deployment", deployment);
  const env = Object.fromEntries(Object.entries(process.env).filter(([variable]) => !variable.startsWith("AWS_")));
  const child = fork(new URL("../processes/worker.ts", import.meta.url), args, {
    stdio: ["ignore", "inherit", "inherit", "ipc"],
    env,
  });
  children.push(child);
  return new Promise((resolve, reject) => {
    child.once("exit", (code, signal) =>
      reject(new Error(`worker ${name} ended before it was ready: ${code ?? signal}`)),
    );
    child.once("message", (ready) => resolve({ child, warnings: (ready as { warnings: string[] }).warnings }));
  });
}

/** Runs a line in a shell, with these variables of AWS and no others. */
function shell(line: string, aws: Record<string, string>): Promise<{ code: number; out: string; err: string }> {
  // Without the variables that npm sets for its scripts, because the npm of the line would warn of them.
  const bare = Object.entries(process.env).filter(([variable]) => !/^(AWS_|npm_)/i.test(variable));
  const env = { ...Object.fromEntries(bare), HOME: dir, AWS_EC2_METADATA_DISABLED: "true", ...aws };
  return new Promise((resolve) => {
    execFile("sh", ["-c", line], { env, timeout: 60_000 }, (error, out, err) =>
      resolve({ code: error ? Number(error.code ?? 1) : 0, out, err }),
    );
  });
}
const operator = () => ({
  AWS_ENDPOINT_URL: account.endpoint,
  AWS_ACCESS_KEY_ID: account.credentials.accessKeyId,
  AWS_SECRET_ACCESS_KEY: account.credentials.secretAccessKey,
});
const clientOf = (apiKey: string) => new Mistral({ serverURL: stack.apiUrl, apiKey });

const start = async (steps: number, o: { ms?: number; deploymentName?: string; by?: Mistral } = {}) => {
  const { ms = 0, deploymentName, by = client } = o;
  const started = await by.workflows.executeWorkflow({
    workflowIdentifier: "walk",
    workflowExecutionRequest: { input: { steps, ms }, ...(deploymentName && { deploymentName }) },
  });
  return started.executionId;
};
const get = (executionId: string, by = client) => by.workflows.executions.getWorkflowExecution({ executionId });
const go = (executionId: string, by = client) =>
  by.workflows.executions.signalWorkflowExecution({ executionId, signalInvocationBody: { name: "go", input: {} } });
const ended = (executionId: string, ms = 60_000, by = client) =>
  eventually(
    `end of ${executionId}`,
    async () => {
      const found = await get(executionId, by);
      return found.status === "RUNNING" ? undefined : found;
    },
    ms,
  );

/**
 * A worker is killed in an activity, in a workspace of its own: the other tests run while its lease ends. Answers what the journal and the
 * history say of the execution afterwards.
 */
async function takeover() {
  const { key: own } = await sharedStack();
  const at = { key: own, book: join(dir, "takeover.jsonl") };
  const by = clientOf(own);
  const victim = await worker("victim", "takeover", at);
  const id = await start(6, { ms: 1_000, by });
  await eventually("second step", async () => (entries(at.book).length >= 2 ? true : undefined), 90_000);
  victim.child.kill("SIGKILL");
  await worker("heir", "takeover", at);
  await go(id, by);
  const found = await ended(id, 120_000, by);
  const history = (await by.workflows.executions.getWorkflowExecutionHistory({ executionId: id })) as {
    events: { kind: string; activity?: number }[];
  };
  return { found, journal: entries(at.book), events: history.events };
}

describeUnless(cannotRun)("the installation on AWS", () => {
  let taken: ReturnType<typeof takeover>;
  beforeAll(async () => {
    ({ account, stack } = await sharedStack(DEFAULT_WORKSPACE)); // no other file uses that workspace
    // The command of the stack's output, unchanged.
    const made = await shell(stack.outputs.FirstKeyCommand!, operator());
    key = /^SIROCCO_API_KEY=(\S+)$/m.exec(made.out)?.[1] ?? "";
    if (key === "") throw new Error(`the first key was not made: ${made.out}${made.err}`);
    client = clientOf(key);
    taken = takeover();
    taken.catch(() => {}); // its test reports it
  }, DEPLOYED_WITHIN_MS);

  afterAll(async () => {
    for (const child of children) child.kill("SIGKILL");
    rmSync(dir, { recursive: true, force: true });
  });

  it("runs an execution, from the official client to a worker on SQS and back", async () => {
    await worker("first");
    const id = await start(5);
    await go(id);
    const run = await ended(id);
    expect(run).toMatchObject({ status: "COMPLETED", result: { steps: 5, signalled: true }, deploymentName: "crash" });
    const history = (await client.workflows.executions.getWorkflowExecutionHistory({ executionId: id })) as {
      events: { id: number; kind: string }[];
    };
    expect(history.events.map((e) => e.id)).toEqual(history.events.map((_, i) => i + 1));
    expect(history.events.filter((e) => e.kind === "activity_completed")).toHaveLength(6);
  }, 90_000);

  it("waits for a result, and refuses bad requests with the same bodies as on one machine", async () => {
    const waiting = client.workflows.executeWorkflow({
      workflowIdentifier: "walk",
      workflowExecutionRequest: { executionId: "waited", input: { steps: 2 }, waitForResult: true, timeoutSeconds: 60 },
    });
    await eventually("its start", () =>
      get("waited").then(
        (e) => e,
        () => undefined,
      ),
    );
    await expect(
      start(1, {}).then(() =>
        client.workflows.executeWorkflow({
          workflowIdentifier: "walk",
          workflowExecutionRequest: { executionId: "waited", input: { steps: 2 } },
        }),
      ),
    ).rejects.toMatchObject({ statusCode: 409, body: expect.stringContaining("WF_1101") });
    await go("waited");
    expect(await waiting).toMatchObject({ executionId: "waited", result: { steps: 2, signalled: true } });
    await expect(
      client.workflows.executeWorkflow({
        workflowIdentifier: "walk",
        workflowExecutionRequest: { input: { steps: "x" } },
      }),
    ).rejects.toMatchObject({ statusCode: 422 });
    await expect(get("nobody")).rejects.toMatchObject({ statusCode: 404 });
    const stranger = new Mistral({ serverURL: stack.apiUrl, apiKey: "sk_not-a-key-of-this-place" });
    await expect(stranger.workflows.getWorkflows()).rejects.toMatchObject({ statusCode: 401 });
  }, 90_000);

  it("streams an execution's events as they happen, and resumes after any of them", async () => {
    const id = await start(3, { ms: 200 });
    await go(id);
    const seen: { id: number; type: string }[] = [];
    for await (const message of await client.workflows.executions.stream({ executionId: id })) {
      const data = message.data as { data: { eventType: string }; brokerSequence: number };
      seen.push({ id: data.brokerSequence, type: data.data.eventType });
    }
    expect(seen[0]?.type).toBe("WORKFLOW_EXECUTION_STARTED");
    expect(seen.at(-1)?.type).toBe("WORKFLOW_EXECUTION_COMPLETED");
    expect(seen.filter((e) => e.type === "ACTIVITY_TASK_COMPLETED")).toHaveLength(4);
    expect(seen.map((e) => e.id)).toEqual(seen.map((e) => e.id).toSorted((a, b) => a - b));
    const again: number[] = [];
    const after = String(seen[2]!.id);
    for await (const message of await client.workflows.executions.stream({ executionId: id, lastEventId: after })) {
      again.push((message.data as { brokerSequence: number }).brokerSequence);
    }
    expect(again).toEqual(seen.slice(3).map((e) => e.id));
    const listed = await client.workflows.events.getWorkflowEvents({ workflowExecId: id });
    expect(listed.events).toHaveLength(seen.length);
  }, 90_000);

  it("answers queries and updates by a worker", async () => {
    const id = await start(2);
    const where = () =>
      client.workflows.executions.queryWorkflowExecution({ executionId: id, queryInvocationBody: { name: "where" } });
    await eventually("its second step", async () => {
      const { result } = await where();
      return (result as { step: number }).step === 2 ? true : undefined;
    });
    const updateInvocationBody = { name: "relabel", input: { to: "blue" } };
    const changed = await client.workflows.executions.updateWorkflowExecution({
      executionId: id,
      updateInvocationBody,
    });
    expect(changed).toMatchObject({ updateName: "relabel", result: { was: "none" } });
    expect((await where()).result).toEqual({ step: 2, label: "blue" });
    await expect(
      client.workflows.executions.queryWorkflowExecution({ executionId: id, queryInvocationBody: { name: "nothing" } }),
    ).rejects.toMatchObject({ statusCode: 404 });
    await go(id);
    expect((await ended(id)).status).toBe("COMPLETED");
  }, 60_000);

  it("cancels and terminates executions", async () => {
    const [one, two] = [await start(1), await start(1)];
    await client.workflows.executions.cancelWorkflowExecution({ executionId: one });
    await client.workflows.executions.terminateWorkflowExecution({ executionId: two });
    expect((await ended(one)).status).toBe("CANCELED");
    expect((await get(two)).status).toBe("TERMINATED");
  }, 60_000);

  it("refuses a start while two deployments have the workflow, until one of them stops", async () => {
    const other = await worker("other", "other");
    expect(other.warnings).toEqual(["Workflow 'walk' is also registered by active deployment 'crash'"]);
    const refused = await start(1).catch((error) => error);
    expect(refused).toMatchObject({ statusCode: 409 });
    expect(JSON.parse(refused.body)).toEqual({ code: "AMBIGUOUS_WORKFLOW", deployments: ["crash", "other"] });
    const named = await start(1, { deploymentName: "other" });
    await go(named);
    expect(await ended(named)).toMatchObject({ status: "COMPLETED", deploymentName: "other" });
    expect(entries().at(-1)?.by).toBe("other");
    other.child.kill("SIGTERM");
    await new Promise((ok) => other.child.once("exit", ok));
    const alone = await start(1);
    expect((await get(alone)).deploymentName).toBe("crash");
  }, 120_000);

  it("lets an operator delete the queues of an unused deployment, and of no other", async () => {
    const installation = await installationOf(stack.stackName);
    const mineOf = async () => (await listQueues(installation)).filter((one) => one.workspace === DEFAULT_WORKSPACE);
    const queues = await mineOf();
    expect(queues.map(({ deployment, queue }) => `${deployment} ${queue}`)).toEqual([
      "crash activity",
      "crash workflow",
      "other activity",
      "other workflow",
    ]);
    await expect(deleteQueues(installation, "crash")).rejects.toThrow(/sent a heartbeat less than five minutes ago/);
    // An operator's clock that is wrong makes no live worker dead.
    const now = Date.now.bind(Date);
    vi.spyOn(Date, "now").mockImplementation(() => now() + 3_600_000);
    const elsewhere = await installationOf(stack.stackName).finally(() => vi.restoreAllMocks());
    expect(Math.abs(elsewhere.ports.clock.now() - Date.now())).toBeLessThan(2_500);
    await expect(deleteQueues(installation, "othre")).rejects.toThrow(/"othre" has no queues.*\bcrash\b.*\bother\b/);
    const mine = queues.filter(({ deployment }) => deployment === "other").map(({ name }) => name);
    expect((await deleteQueues(installation, "other", DEFAULT_WORKSPACE)).sort()).toEqual(mine);
    expect((await mineOf()).map(({ deployment }) => deployment)).toEqual(["crash", "crash"]);
    await expect(installationOf("Nowhere")).rejects.toThrow(/no stack "Nowhere"/);
  }, 60_000);

  it("fills in what the queue of the feed's dead letters names", async () => {
    const id = await start(1);
    await go(id);
    await ended(id);
    const { ports, outputs } = await installationOf(stack.stackName);
    const queueUrl = outputs.get("FeedDeadLettersUrl")!;
    const { sqs, dynamo } = ports.clients;
    const { run } = (await ports.executions.head({ workspace: DEFAULT_WORKSPACE, execution: id }))!;
    const pk = `${DEFAULT_WORKSPACE}#${id}`;
    for (const sk of [`LOG#${run}#00000002`, `LOG#${run}#00000999`]) {
      const MessageBody = JSON.stringify({ from: { pk, sk }, at: Date.now(), error: "none" });
      await sqs.send(new SendMessageCommand({ QueueUrl: queueUrl, MessageBody }));
    }
    const lines: string[] = [];
    const records = (info: BatchInfo) => recordsOf(dynamo, info);
    const counts = await refill({ ports, sqs, queueUrl, records }, (line) => void lines.push(line));
    expect(Object.fromEntries(counts), lines.join()).toEqual({ "filled in": 1, gone: 1 });
    expect(await refill({ ports, sqs, queueUrl, records }, () => {})).toEqual(new Map());
  }, 60_000);

  it("takes an event with which the sweeper gives a shard to an invocation of its own", async () => {
    const { ports } = await installationOf(stack.stackName);
    const credentials = account.credentials;
    const sts = new STSClient({ endpoint: account.endpoint, region: account.region, credentials });
    const { FunctionName } = await functionOf(sts, stack.stackName, "Sweeper");
    sts.destroy();
    const invoke = async (name: string) => {
      process.env.AWS_LAMBDA_FUNCTION_NAME = name;
      try {
        await invokeAgain(ports.clients.dynamo, { shard: 3 });
      } finally {
        delete process.env.AWS_LAMBDA_FUNCTION_NAME;
      }
    };
    await invoke(FunctionName);
    await expect(invoke("Sirocco-Nothing")).rejects.toThrow(/did not take an event for Sirocco-Nothing: 404/);
  }, 60_000);

  describe("the Python client", () => {
    let teller: RunningWorker;
    const at = () => ({ url: stack.apiUrl, key });
    beforeAll(async () => {
      teller = await startStoryWorker(stack.workerUrl, key);
    });
    afterAll(() => teller?.stop());

    it("starts, asks, updates, signals, follows and finds an execution", () => checkExecution(at()), 120_000);
    it("waits for results in each of its ways", () => checkWaits(at()), 60_000);
    it("cancels, terminates, and reads refusals as its own errors", () => checkEnds(at()), 60_000);
    it("resets an execution that has completed, and reads which events it could name", () => checkResets(at()), 60_000);
    it("reads the metrics of a workflow", () => checkMetrics(at()), 120_000);
    it("lists workflows, deployments and workers", () => checkLists(at()), 60_000);
  });

  describe("keys", () => {
    const command = (more: string) => `${stack.outputs.FirstKeyCommand} ${more}`;
    /** Registers as a worker with the first key. */
    const register = async () => {
      const definitions = [{ name: "steal", input_schema: { type: "object" } }];
      const who = { deployment: "thief", worker: "w", session: randomUUID() };
      const answer = await fetch(`${stack.workerUrl}/v1/worker/register`, {
        method: "POST",
        headers: { authorization: `Bearer ${key}` },
        body: JSON.stringify({ ...who, definitions, activities: [], sdk: "test" }),
      });
      const { tasks } = (await answer.json()) as WorkerAnswer<"register">;
      if (tasks.via !== "sqs") throw new Error("on AWS tasks come from SQS");
      return tasks.credentials;
    };
    const names = async (apiKey: string) =>
      (await clientOf(apiKey).workflows.getWorkflows()).result.workflows.map(({ name }) => name);

    it("are created by an operator with rights on the registry, a second one in the same workspace by a second run", async () => {
      await register();
      const { code, out, err } = await shell(command("--name second --json"), operator());
      expect({ code, err }).toEqual({ code: 0, err: "" });
      const second = JSON.parse(out) as { key: string; workspace: string; rights: string[] };
      expect(second).toMatchObject({ workspace: DEFAULT_WORKSPACE, rights: ["admin"] });
      expect(second.key).not.toBe(key);
      for (const apiKey of [key, second.key]) expect(await names(apiKey)).toContain("steal");
    }, 60_000);

    it("of a new workspace see no other workspace, and a read key changes nothing", async () => {
      const { out } = await shell(command("--workspace new --rights read --name visitor --json"), operator());
      const visitor = JSON.parse(out) as { key: string; workspace: string };
      expect(visitor.workspace).not.toBe(DEFAULT_WORKSPACE);
      expect(await names(visitor.key)).toEqual([]);
      const cancelling = clientOf(visitor.key).workflows.executions.cancelWorkflowExecution({ executionId: "x" });
      await expect(cancelling).rejects.toMatchObject({ statusCode: 403 });
    }, 60_000);

    it("are not created without credentials, nor with those of a worker, and the error says why", async () => {
      const { AWS_ENDPOINT_URL } = operator();
      const nobody = await shell(command(""), { AWS_ENDPOINT_URL });
      expect(nobody).toMatchObject({ code: 1, out: "", err: expect.stringContaining("No AWS credentials were found") });
      const { access_key_id, secret_access_key, session_token } = await register();
      const thief = await shell(command(""), {
        AWS_ENDPOINT_URL,
        AWS_ACCESS_KEY_ID: access_key_id,
        AWS_SECRET_ACCESS_KEY: secret_access_key,
        AWS_SESSION_TOKEN: session_token,
      });
      expect(thief).toMatchObject({ code: 1, out: "", err: expect.stringMatching(/was not reached: .*AccessDenied/) });
    }, 60_000);
  });

  it("continues on another worker within the lease when one is killed in an activity, and records nothing twice", async () => {
    const { found, journal, events } = await taken;
    expect(found).toMatchObject({ status: "COMPLETED", result: { steps: 6, signalled: true } });
    expect(journal.some((e) => e.by === "heir" && e.attempt === 2)).toBe(true);
    for (let n = 0; n <= 6; n++)
      expect(new Set(journal.filter((e) => e.n === n).map((e) => e.key)).size, `keys of step ${n}`).toBe(1);
    const completed = events.filter((e) => e.kind === "activity_completed").map((e) => e.activity);
    expect(completed).toEqual([1, 2, 3, 4, 5, 6, 7]);
  }, 240_000);
});
