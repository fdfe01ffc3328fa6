/** Encoded payloads between the unmodified official client and a worker: the server sees none of them. */
import { randomBytes } from "node:crypto";
import { Mistral } from "@mistralai/mistralai";
import { HTTPClient } from "@mistralai/mistralai/lib/http";
import type { StreamEventSsePayload } from "@mistralai/mistralai/models/components";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type EncodingOptions, encodingFetch, encryptedText, s3Store } from "../../sdk/encoding/index.ts";
import type { RunningWorker } from "../../sdk/index.ts";
import { startEncodingWorker } from "../python/encoding-workflows.ts";
import { type S3Server, s3Server } from "../support/s3-server.ts";
import { type TestServer, testServer } from "../support/test-server.ts";

interface Event {
  readonly eventType: string;
  readonly attributes: Record<string, unknown>;
}

const key = randomBytes(32).toString("hex");
const SECRET = "Ada Lovelace";

let at: TestServer;
let s3: S3Server;
const workers: RunningWorker[] = [];
beforeAll(async () => {
  at = await testServer();
  s3 = await s3Server();
});
afterAll(async () => {
  await Promise.all(workers.map((worker) => worker.stop()));
  await at?.close();
  await s3?.close();
});

const store = () =>
  s3Store({
    bucket: "blobs",
    prefix: "mine",
    region: "us-east-1",
    endpoint: s3.endpoint,
    client: { credentials: { accessKeyId: "a", secretAccessKey: "b" } },
  });

/** A deployment with this encoding, a client with the same, and one without. */
async function serve(deployment: string, encoding: EncodingOptions) {
  workers.push(await startEncodingWorker(at, deployment, encoding));
  const client = (fetcher?: typeof fetch) =>
    new Mistral({ serverURL: at.url, apiKey: at.key, ...(fetcher && { httpClient: new HTTPClient({ fetcher }) }) });
  const { workflows } = client(encodingFetch(encoding));
  const run = async (workflowIdentifier: string, input: unknown) => {
    const request = { input, deploymentName: deployment, waitForResult: true };
    return workflows.executeWorkflow({ workflowIdentifier, workflowExecutionRequest: request });
  };
  return { workflows, run, bare: client().workflows };
}

describe("fully encrypted payloads", () => {
  let served: Awaited<ReturnType<typeof serve>>;
  beforeAll(async () => {
    served = await serve("full", { encryption: { mode: "full", key } });
  });

  test("are plain to the client and unreadable to the server, from start to end", async () => {
    const { workflows, bare } = served;
    const executionId = "full-1";
    const request = { executionId, input: { name: SECRET }, deploymentName: "full" };
    await workflows.executeWorkflow({ workflowIdentifier: "story", workflowExecutionRequest: request });
    const { executions } = workflows;
    const of = { executionId };
    await executions.signalWorkflowExecution({
      ...of,
      signalInvocationBody: { name: "rename", input: { name: `${SECRET} II` } },
    });
    const asked = await executions.queryWorkflowExecution({ ...of, queryInvocationBody: { name: "who" } });
    expect(asked.result).toEqual({ name: `${SECRET} II` });
    const hidden = await bare.executions.queryWorkflowExecution({ ...of, queryInvocationBody: { name: "who" } });
    expect(hidden.result).toMatchObject({ encoding_options: ["encrypted"] });
    const body = { name: "finish", input: { name: `${SECRET} III` } };
    const answered = await executions.updateWorkflowExecution({ ...of, updateInvocationBody: body });
    expect(answered.result).toEqual({ name: `${SECRET} III` });
    const types: string[] = [];
    const payloads: unknown[] = [];
    for await (const { data } of await executions.stream({ ...of })) {
      const { eventType, attributes } = (data as StreamEventSsePayload).data as unknown as Event;
      types.push(eventType);
      payloads.push(attributes.input ?? attributes.result);
      if (eventType === "WORKFLOW_EXECUTION_COMPLETED") break;
    }
    expect(types).toEqual(["WORKFLOW_EXECUTION_STARTED", "WORKFLOW_EXECUTION_COMPLETED"]);
    expect(payloads).toMatchObject([{ value: { name: SECRET } }, { value: { name: `Hello, ${SECRET} III` } }]);
    const closed = await executions.getWorkflowExecution(of);
    expect(closed).toMatchObject({ status: "COMPLETED", result: { name: `Hello, ${SECRET} III` } });
    expect(JSON.stringify(await workflows.events.getWorkflowEvents({ rootWorkflowExecId: executionId }))).toContain(
      "Dear Ada",
    );
    expect(JSON.stringify(await executions.getWorkflowExecutionHistory(of))).toContain(SECRET);
    // The same calls without the key.
    expect((await bare.executions.getWorkflowExecution(of)).result).toMatchObject({ encoding_options: ["encrypted"] });
    const texts = [
      await bare.events.getWorkflowEvents({ rootWorkflowExecId: executionId, limit: 1000 }),
      await bare.executions.getWorkflowExecutionHistory(of),
    ].map((answer) => JSON.stringify(answer));
    for (const text of texts) expect(text).not.toContain("Ada");
  });

  test("of schedules reach the executions that these start, and are shown to who has the key", async () => {
    const { workflows, bare } = served;
    const schedule = { scheduleId: "s-1", input: { secret: SECRET }, intervals: [{ every: "P1D" }] };
    const request = { schedule, workflowIdentifier: "echo", deploymentName: "full" };
    await workflows.schedules.scheduleWorkflow(request as never);
    expect((await workflows.schedules.getSchedule({ scheduleId: "s-1" })).input).toEqual({ secret: SECRET });
    const hidden = (await bare.schedules.getSchedule({ scheduleId: "s-1" })).input;
    expect(hidden).toMatchObject({
      encoding_options: ["encrypted"],
      input_hash: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
    await workflows.schedules.triggerSchedule({ scheduleId: "s-1" });
    const runs = async () => (await workflows.runs.listRuns({ workflowIdentifier: "echo" })).result.executions;
    await expect.poll(async () => (await runs())[0]?.status, { timeout: 10_000 }).toBe("COMPLETED");
    const [first] = await runs();
    const closed = await workflows.executions.getWorkflowExecution({ executionId: first!.executionId });
    expect(closed.result).toEqual({ secret: SECRET });
  });

  test("with a key that does not fit end a call of the client with one clear error", async () => {
    await served.run("echo", { secret: SECRET });
    const other = randomBytes(32).toString("hex");
    const fetcher = encodingFetch({ encryption: { mode: "full", key: other } });
    const client = new Mistral({ serverURL: at.url, apiKey: at.key, httpClient: new HTTPClient({ fetcher }) });
    const reading = client.workflows.executions.getWorkflowExecution({ executionId: "full-1" });
    await expect(reading).rejects.toThrow(/the payload cannot be decrypted: the key does not fit/);
  });
});

test("partial encryption leaves everything but marked texts readable", async () => {
  const { run, bare } = await serve("partial", { encryption: { mode: "partial", key } });
  const answer = (await run("login", { user: "Ada", token: encryptedText("s3cret") })) as {
    executionId: string;
    result: unknown;
  };
  expect(answer.result).toEqual({ user: "Ada", token: encryptedText("s3cret") });
  const { result } = await bare.executions.getWorkflowExecution({ executionId: answer.executionId });
  const { b64payload, encoding_options } = result as { b64payload: string; encoding_options: string[] };
  expect(encoding_options).toEqual(["encrypted-partial"]);
  expect(JSON.parse(Buffer.from(b64payload, "base64").toString())).toEqual({
    user: "Ada",
    token: { field_type: "__encrypted_str__", data: expect.not.stringContaining("s3cret") },
  });
});

test("large payloads are compressed, and what is still large goes to S3 under the execution's name", async () => {
  const { run, bare } = await serve("large", {
    encryption: { mode: "full", key },
    compression: { minBytes: 10_000 },
    offload: { store: store(), minBytes: 100_000 },
  });
  const text = "abcdefgh".repeat(20_000);
  const noise = randomBytes(150_000).toString("base64");
  const repeated = (await run("echo", { text })) as { executionId: string; result: unknown };
  expect(repeated.result).toEqual({ text });
  const random = (await run("echo", { noise })) as { executionId: string; result: unknown };
  expect(random.result).toEqual({ noise });
  const options = async (executionId: string) =>
    ((await bare.executions.getWorkflowExecution({ executionId })).result as { encoding_options: string[] })
      .encoding_options;
  expect(await options(repeated.executionId)).toEqual(["compressed", "encrypted"]);
  expect(await options(random.executionId)).toEqual(["compressed", "offloaded", "encrypted"]);
  const names = [...s3.objects.keys()];
  expect(names).toEqual([
    expect.stringMatching(
      new RegExp(`^/blobs/mine/temporal-payload/[0-9a-f-]{36}/${random.executionId}/sha256:[0-9a-f]{64}$`),
    ),
  ]);
});
