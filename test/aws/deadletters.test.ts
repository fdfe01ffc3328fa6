/** The consumer of the dead-letter queue, called as by Lambda, over tables and queues of the emulator. */
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { S3Blobs } from "../../shared/aws/blobs.ts";
import { ENV } from "../../shared/aws/names.ts";
import { attributesOf, writeTask } from "../../shared/aws/task-writing.ts";
import type { QueueRef } from "../../shared/ports.ts";
import type { Head } from "../../shared/protocol/head.ts";
import type { Task } from "../../shared/protocol/worker.ts";
import type { Aws } from "../../shared/server/aws.ts";
import { type Bench, begun, bench, claimed, closed, newRef } from "../contract/subject.ts";
import { describeUnless } from "../support/describe-unless.ts";
import { cannotRun, type Installation, install } from "./account.ts";

type Activity = Extract<Task, { kind: "activity" }>;
interface Letter {
  readonly messageId: string;
  readonly body: string;
  readonly messageAttributes: Record<string, { stringValue: string }>;
}

let on: Installation;
let ports: Aws;
let b: Bench;
let handler: (event: { Records: readonly Letter[] }, context: unknown) => Promise<unknown>;

describeUnless(cannotRun)("the consumer of the dead-letter queue", () => {
  beforeAll(async () => {
    on = await install({ feed: false });
    ports = on.adapter();
    b = bench({ ports, pass: async () => {} });
    const { endpoint, region, credentials } = on.account;
    Object.assign(process.env, {
      AWS_ENDPOINT_URL: endpoint,
      AWS_REGION: region,
      AWS_ACCESS_KEY_ID: credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
      AWS_LAMBDA_FUNCTION_NAME: "deadletters",
      [ENV.executionsTable]: on.tables.executions,
      [ENV.registryTable]: on.tables.registry,
      [ENV.schedulesTable]: on.tables.schedules,
      [ENV.payloadBucket]: on.bucket,
      [ENV.taskQueuePrefix]: `${on.prefix}-tasks-`,
      [ENV.logLevel]: "error",
    });
    handler = (await import("../../functions/deadletters.ts")).handler as unknown as typeof handler;
  });
  afterAll(() => on?.end());

  /** The log lines of the handler, each a JSON object. */
  let lines: { level?: string; message_id?: string }[] = [];
  beforeEach(() => {
    lines = [];
    const spies = [process.stdout, process.stderr].map((out) =>
      vi.spyOn(out, "write").mockImplementation((text) => {
        lines.push(JSON.parse(String(text)));
        return true;
      }),
    );
    return () => spies.forEach((spy) => void spy.mockRestore());
  });

  const context = { awsRequestId: "r", functionName: "deadletters", getRemainingTimeInMillis: () => 30_000 };
  const take = (...Records: Letter[]) => handler({ Records }, context) as Promise<{ batchItemFailures: unknown[] }>;
  const DONE = { batchItemFailures: [] };
  const failing = (...letters: Letter[]) => ({
    batchItemFailures: letters.map(({ messageId }) => ({ itemIdentifier: messageId })),
  });

  const letter = async (workspace: string, task: Task): Promise<Letter> => {
    const blobs = new S3Blobs(on.clients().s3, on.bucket);
    const attributes = Object.entries(attributesOf({ workspace, deployment: "shop" }));
    return {
      messageId: randomUUID(),
      body: await writeTask(blobs, workspace, task),
      messageAttributes: Object.fromEntries(attributes.map(([k, v]) => [k, { stringValue: v.StringValue }])),
    };
  };
  const activityOf = (head: Head, over: Partial<Activity> = {}): Activity => ({
    kind: "activity",
    execution: head.execution,
    workflow: head.workflow,
    run: head.run,
    chain: head.chain,
    activity: 1,
    name: "charge",
    input: { amount: 7 },
    scheduled_at: b.now(),
    options: { retry: { max_attempts: 3, first_ms: 1, factor: 1, max_ms: 1, non_retryable: [] } },
    first_attempt: 1,
    ...over,
  });
  const policy = (max_attempts: number): Pick<Activity, "options"> => ({
    options: { retry: { max_attempts, first_ms: 1, factor: 1, max_ms: 1, non_retryable: [] } },
  });
  const queue = (head: Head, kind: QueueRef["queue"]): QueueRef => ({
    workspace: head.workspace,
    deployment: "shop",
    queue: kind,
  });
  /** Takes all tasks out of a queue of the deployment. Creates the queue if it is missing, as a registration does. */
  const waiting = async (head: Head, kind: QueueRef["queue"]): Promise<Task[]> => {
    const found: Task[] = [];
    for (;;) {
      const got = await ports.tasks.receive(queue(head, kind), { session: "s", max: 10, waitMs: 0 });
      if (got.length === 0) return found;
      found.push(...got.map(({ task }) => task));
      await ports.tasks.finish(
        head.workspace,
        got.map(({ receipt }) => receipt),
      );
    }
  };
  /** A claimed execution of a deployment that has queues. */
  const running = async (): Promise<Head> => {
    const head = await claimed(b, await begun(b));
    await Promise.all([waiting(head, "workflow"), waiting(head, "activity")]);
    return head;
  };
  const inbox = (head: Head) => ports.executions.inbox(head, head.chain);

  test("an activity without attempts left fails as lost, and its execution gets a workflow task", async () => {
    const head = await running();
    expect(await take(await letter(head.workspace, activityOf(head)))).toEqual(DONE);
    expect(await inbox(head)).toMatchObject([
      {
        kind: "activity",
        run: head.run,
        activity: 1,
        attempt: 3,
        outcome: { kind: "failed", reason: "lost", failure: { type: "WorkerLost" } },
      },
    ]);
    expect(await waiting(head, "workflow")).toEqual([{ kind: "workflow", execution: head.execution }]);
    expect(await ports.executions.head(head)).toMatchObject({ wake_pending: true, fence: head.fence + 1 });
  });

  test("a dead letter that is delivered again, in the same call and in a later one, is one outcome", async () => {
    const head = await running();
    const once = await letter(head.workspace, activityOf(head));
    expect(await take(once, { ...once, messageId: "again" })).toEqual(DONE);
    expect(await take(once)).toEqual(DONE);
    expect(await inbox(head)).toHaveLength(1);
    expect((await ports.executions.head(head))!.fence).toBe(head.fence + 1);
  });

  test.each([
    ["without a limit of attempts", 0, 1, 1001],
    ["with attempts left", 2_500, 1_001, 2_001],
  ])("an activity %s is enqueued again with its number of attempts", async (_, most, first, next) => {
    const head = await running();
    const task = activityOf(head, { ...policy(most), first_attempt: first });
    expect(await take(await letter(head.workspace, task))).toEqual(DONE);
    expect(await waiting(head, "activity")).toEqual([{ ...task, first_attempt: next, renewed_at: expect.any(Number) }]);
    expect(await inbox(head)).toEqual([]);
  });

  test("an activity whose retry policy allows no attempt after these thousand deliveries fails as lost", async () => {
    const head = await running();
    const task = activityOf(head, { ...policy(2_000), first_attempt: 1_001 });
    expect(await take(await letter(head.workspace, task))).toEqual(DONE);
    expect(await waiting(head, "activity")).toEqual([]);
    expect(await inbox(head)).toMatchObject([{ attempt: 2_000 }]);
  });

  test("workflow and query tasks cause no write: the sweeper sends the first again, and no caller waits for the second", async () => {
    const head = await running();
    const { execution, workspace } = head;
    const asked = { kind: "query", execution, query: randomUUID(), name: "where", input: null, expires_at: 1 } as const;
    const both = [await letter(workspace, { kind: "workflow", execution }), await letter(workspace, asked)];
    expect(await take(...both)).toEqual(DONE);
    expect(await inbox(head)).toEqual([]);
    expect(await ports.executions.head(head)).toEqual(head);
    expect([...(await waiting(head, "workflow")), ...(await waiting(head, "activity"))]).toEqual([]);
  });

  test("an execution that is closed, does not exist, or was started again under its id gets no message", async () => {
    const ended = await running();
    await closed(b, ended, 2);
    const never = { ...ended, ...newRef(ended.workspace) };
    const restarted = await running();
    const earlier = activityOf(restarted, { chain: randomUUID(), run: randomUUID() });
    const letters = [activityOf(ended), activityOf(never), earlier].map((task) => letter(ended.workspace, task));
    expect(await take(...(await Promise.all(letters)))).toEqual(DONE);
    expect(await take(await letter(restarted.workspace, earlier))).toEqual(DONE);
    expect(await inbox(ended)).toEqual([]);
    expect(await ports.executions.inbox(restarted, earlier.chain)).toEqual([]);
    expect(await ports.executions.head(restarted)).toEqual(restarted);
  });

  test("a task that exceeds its message is read from S3, only within its own workspace", async () => {
    const head = await running();
    const large = activityOf(head, { input: Array.from({ length: 40_000 }, () => randomUUID()) });
    const sent = await letter(head.workspace, large);
    expect(sent.body).toMatch(/^@/);
    const other = randomUUID();
    const fromOtherWorkspace = {
      ...sent,
      messageId: "other workspace",
      messageAttributes: { ...sent.messageAttributes, workspace: { stringValue: other } },
    };
    expect(await take(fromOtherWorkspace, sent)).toEqual(failing(fromOtherWorkspace));
    expect(await inbox(head)).toHaveLength(1);
  });

  test("a dead letter that fails is delivered again alone, and all others are handled", async () => {
    const [one, two] = [await running(), await running()];
    const first = await letter(one.workspace, activityOf(one));
    const last = await letter(two.workspace, activityOf(two));
    const { messageAttributes } = first;
    const noJson: Letter = { messageId: "no JSON", body: "not a task", messageAttributes };
    const noTask: Letter = { messageId: "no task", body: '{"kind":"party"}', messageAttributes };
    const unaddressed: Letter = { ...first, messageId: "no deployment", messageAttributes: {} };
    expect(await take(first, noJson, noTask, unaddressed, last)).toEqual(failing(noJson, noTask, unaddressed));
    const errors = lines.filter(({ level }) => level === "error").map(({ message_id }) => message_id);
    expect(errors).toEqual(["no JSON", "no task", "no deployment"]);
    expect(await inbox(one)).toHaveLength(1);
    expect(await inbox(two)).toHaveLength(1);
  });

  test("the outcome is recorded even if the queues of the deployment were deleted", async () => {
    const head = await running();
    await ports.deleteDeploymentQueues(head.workspace, "shop");
    expect(await take(await letter(head.workspace, activityOf(head)))).toEqual(DONE);
    expect(await inbox(head)).toHaveLength(1);
  });
});
