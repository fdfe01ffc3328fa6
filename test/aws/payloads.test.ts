/** Payloads up to the contract's 2 MB: where they are stored, the size of items, and their expiry. */
import { randomBytes } from "node:crypto";
import { ScanCommand } from "@aws-sdk/client-dynamodb";
import { GetObjectTaggingCommand, ListObjectsV2Command } from "@aws-sdk/client-s3";
import { afterAll, beforeAll, expect, test } from "vitest";
import { presentProgress } from "../../shared/core/present.ts";
import { deleteExecution } from "../../shared/engine/delete.ts";
import type { NewEvent } from "../../shared/protocol/history.ts";
import type { Message } from "../../shared/protocol/messages.ts";
import { CLOSED_STATUSES } from "../../shared/protocol/status.ts";
import type { Task } from "../../shared/protocol/worker.ts";
import type { Aws } from "../../shared/server/aws.ts";
import {
  type Bench,
  batchOf,
  begun,
  bench,
  claimed,
  closed,
  completed,
  finalOf,
  headOf,
  newRef,
  scheduled,
  signal,
  uuid,
} from "../contract/subject.ts";
import { describeUnless } from "../support/describe-unless.ts";
import { cannotRun, type Installation, install } from "./account.ts";

const incompressible = (bytes: number) => randomBytes(bytes).toString("base64").slice(0, bytes);
const stepOf = (text: string): NewEvent => ({ ...scheduled(1), ...{ input: { text } } });
const LARGE = 2_000_000;
const HUGE_LIMIT = 50_000_000;

let on: Installation;
let ports: Aws;
let b: Bench;

describeUnless(cannotRun)("large payloads on AWS", () => {
  beforeAll(async () => {
    on = await install();
    ports = on.adapter();
    b = bench({ ports, pass: (ms) => new Promise((ok) => setTimeout(ok, ms)) });
  });
  afterAll(() => on?.end());

  const itemsOf = async (pk: string) => {
    const answer = await ports.clients.dynamo.send(
      new ScanCommand({
        TableName: on.tables.executions,
        FilterExpression: "pk = :pk",
        ExpressionAttributeValues: { ":pk": { S: pk } },
      }),
    );
    return answer.Items ?? [];
  };
  const objects = async (prefix: string) => {
    const answer = await (await ports.clients.s3()).client.send(
      new ListObjectsV2Command({ Bucket: on.bucket, Prefix: prefix }),
    );
    return (answer.Contents ?? []).map((o) => o.Key!);
  };
  const tagsOf = async (Key: string) => {
    const answer = await (await ports.clients.s3()).client.send(
      new GetObjectTaggingCommand({ Bucket: on.bucket, Key }),
    );
    return (answer.TagSet ?? []).map((t) => `${t.Key}=${t.Value}`);
  };

  test("input, events, messages and result of 2 MB each read back whole, and their items stay small", async () => {
    const [input, step, note, end] = Array.from({ length: 4 }, () => incompressible(LARGE));
    const head = await begun(b, newRef(), { input: { text: input! }, deadline: b.now() + 60_000 });
    expect(await on.adapter().executions.head(head)).toEqual(head);
    const mine = await claimed(b, head);
    expect(mine.input).toEqual({ text: input });
    const batch = batchOf(2, b.now(), [stepOf(step!)]);
    expect(await ports.executions.putBatch(head, head.run, batch, HUGE_LIMIT)).toEqual({ kind: "written" });
    expect(await on.adapter().executions.batches(head, head.run, 1)).toEqual([batch]);
    const message: Message = { id: `signal#${uuid()}`, kind: "signal", name: "poke", input: note!, sent_at: b.now() };
    await ports.executions.putMessage(head, head.chain, message);
    expect(await on.adapter().executions.inbox(head, head.chain)).toMatchObject([message]);
    await ports.executions.removeMessages(head, head.chain, [message.id]);
    const last = batchOf(3, b.now(), [{ kind: "execution_completed", result: { text: end! } }]);
    const next = finalOf(mine, b.now(), { result: { text: end! } });
    const done = await ports.executions.close(head, { run: head.run, fence: mine.fence, batch: last, next });
    expect(done).toEqual({ kind: "closed" });
    expect(await on.adapter().executions.head(head)).toMatchObject({ input: { text: input }, result: { text: end } });
    const sizes = (await itemsOf(`${head.workspace}#${head.execution}`)).map((item) => JSON.stringify(item).length);
    expect(sizes.length).toBeGreaterThanOrEqual(3);
    expect(Math.max(...sizes)).toBeLessThan(4_000);
    const shown = await b.eventually(async () => {
      // One read is bounded in bytes.
      const items = (await ports.feed.read(head.workspace, { after: 0, limit: 10 })).items;
      const rest = (await ports.feed.read(head.workspace, { after: items.at(-1)?.sequence ?? 0, limit: 10 })).items;
      expect([...items, ...rest]).toHaveLength(2);
      return [...items, ...rest];
    });
    expect(JSON.stringify(shown[0]!.event.wire.attributes)).toContain(input!.slice(0, 1000));
    expect(JSON.stringify(shown[1]!.event.wire.attributes)).toContain(end!.slice(-1000));
  }, 60_000);

  test("a value that compresses well is not stored in S3", async () => {
    const head = await begun(b, newRef(), { input: { text: "all work and no play ".repeat(2_000) } });
    await ports.executions.putBatch(
      head,
      head.run,
      batchOf(2, b.now(), [stepOf("and again ".repeat(20_000))]),
      HUGE_LIMIT,
    );
    expect(await objects(`${head.workspace}/`)).toEqual([]);
  });

  test("a sweep gives the payloads of a closed run their expiry, and its log if the run had no deadline", async () => {
    const head = await claimed(b, await begun(b, newRef(), { input: { text: incompressible(100_000) } })); // no deadline
    const batch = batchOf(2, b.now(), [stepOf(incompressible(100_000))]);
    await ports.executions.putBatch(head, head.run, batch, HUGE_LIMIT);
    const message: Message = { id: "signal#left", kind: "signal", name: "poke", input: null, sent_at: b.now() };
    await ports.executions.putMessage(head, head.chain, message);
    const next = finalOf(head, b.now(), { result: null });
    const closing = batchOf(3, b.now(), [completed]);
    await ports.executions.close(head, { run: head.run, fence: head.fence, batch: closing, next });
    const pk = `${head.workspace}#${head.execution}`;
    const withoutExpiry = async () =>
      (await itemsOf(pk)).filter((item) => item.ttl === undefined).map((item) => item.sk!.S!.split("#")[0]);
    expect((await withoutExpiry()).sort()).toEqual(["EXPIRE", "IN", "LOG", "LOG", "SEQ"]);
    const inS3 = await objects(`${head.workspace}/`);
    expect(inS3).toHaveLength(2);
    for (const key of inS3) expect(await tagsOf(key)).toEqual([]);
    const swept = await ports.sweep(60_000, b.now() + 30_000);
    expect(swept.expired).toBeGreaterThanOrEqual(1);
    expect(await withoutExpiry()).toEqual([]);
    for (const key of inS3) expect(await tagsOf(key)).toEqual(["sirocco-closed=yes"]);
    expect((await on.adapter().executions.head(head))?.input).toEqual(head.input);
    expect(await on.adapter().executions.batches(head, head.run, 1)).toEqual([batch, closing]);
    expect((await ports.sweep(60_000, b.now() + 30_000)).expired).toBe(0);
  }, 60_000);

  test("the objects of a deleted execution go with it, also when it is deleted twice, and those of another stay", async () => {
    const workspace = newRef().workspace;
    const closedWithPayloads = async () => {
      const head = await claimed(b, await begun(b, newRef(workspace), { input: { text: incompressible(100_000) } }));
      await ports.executions.putBatch(
        head,
        head.run,
        batchOf(2, b.now(), [stepOf(incompressible(100_000))]),
        HUGE_LIMIT,
      );
      const note: Message = {
        id: "signal#left",
        kind: "signal",
        name: "poke",
        input: incompressible(100_000),
        sent_at: b.now(),
      };
      await ports.executions.putMessage(head, head.chain, note);
      const next = finalOf(head, b.now(), { result: { text: incompressible(100_000) } });
      await ports.executions.close(head, {
        run: head.run,
        fence: head.fence,
        batch: batchOf(3, b.now(), [completed]),
        next,
      });
      return head;
    };
    const other = await closedWithPayloads();
    const stay = await objects(`${workspace}/`);
    expect(stay.length).toBeGreaterThanOrEqual(3);
    const gone = await closedWithPayloads();
    expect((await objects(`${workspace}/`)).length).toBe(2 * stay.length);
    for (let time = 0; time < 2; time++) {
      expect(await deleteExecution(ports, gone)).toEqual({ kind: "deleted" });
      expect((await objects(`${workspace}/`)).sort()).toEqual([...stay].sort());
    }
    expect((await on.adapter().executions.head(other))?.input).toEqual(other.input);
  }, 60_000);

  test("a sweep deletes the messages and the counter of a chain that is over, also when its id was used again meanwhile", async () => {
    const left = async (of: { workspace: string; execution: string }) =>
      (await itemsOf(`${of.workspace}#${of.execution}`)).flatMap((item) => {
        const [kind, chain] = item.sk!.S!.split("#");
        return kind === "IN" || kind === "SEQ" ? [`${kind} ${chain}`] : [];
      });
    const first = await claimed(b, await begun(b));
    await ports.executions.putMessage(first, first.chain, signal("left", b.now()));
    await closed(b, first);
    const second = headOf(first, b.now());
    expect((await ports.executions.create(second, CLOSED_STATUSES)).kind).toBe("created");
    await ports.executions.putMessage(second, second.chain, signal("waits", b.now()));
    await ports.sweep(60_000, b.now() + 30_000);
    expect((await left(first)).sort()).toEqual([`IN ${second.chain}`, `SEQ ${second.chain}`]);
  }, 60_000);

  test.each([
    ["whose head takes the closing batch", 1, ["HEAD", "LOG"]],
    ["that was claimed twice", 2, ["HEAD", "LOG", "LOG"]],
  ])("the log of a run with a deadline, %s, is written with its expiry, and its close leaves no note for the sweep", async (_, claims, kinds) => {
    let head = await begun(b, newRef(), { run: ports.uuid(), deadline: b.now() + 3_600_000 });
    for (let i = 0; i < claims; i++) head = await claimed(b, head);
    await ports.executions.putBatch(head, head.run, batchOf(2, b.now(), [scheduled(1)]), HUGE_LIMIT);
    const next = finalOf(head, b.now());
    const batch = batchOf(3, b.now(), [completed]);
    await ports.executions.close(head, { run: head.run, fence: head.fence, batch, next });
    const items = await itemsOf(`${head.workspace}#${head.execution}`);
    expect(items.map((item) => item.sk!.S!.split("#")[0]).sort()).toEqual(kinds);
    for (const item of items)
      expect(Number(item.ttl!.N) * 1000).toBeGreaterThan(b.now() + ports.settings.retentionMs / 2);
  });

  test("an expired execution does not exist for readers before DynamoDB deletes it, and its id is free", async () => {
    const past = on.adapter({ settings: { retentionMs: 1 } });
    const c = bench({ ports: past, pass: async () => {} });
    const head = await claimed(c, await begun(c));
    const batch = batchOf(2, c.now(), [completed]);
    const next = finalOf(head, c.now() - 2_000);
    await past.executions.close(head, { run: head.run, fence: head.fence, batch, next });
    expect(await ports.executions.head(head)).toBeNull();
    expect(await ports.executions.run(head.workspace, head.run)).toBeNull();
    const again = await ports.executions.create({ ...head, run: uuid(), due_at: 1, wake_pending: true }, []);
    expect(again).toEqual({ kind: "created" });
    expect(await ports.executions.head(head)).toMatchObject({ status: "RUNNING", fence: head.fence + 2 });
  });

  test("tasks of any size go through a queue, and a stored one is read only within its workspace", async () => {
    const queue = { workspace: uuid(), deployment: "d", queue: "activity" } as const;
    const task = (bytes: number): Task => ({
      kind: "query",
      execution: "x",
      query: uuid(),
      name: "q",
      input: incompressible(bytes),
      expires_at: 1,
    });
    for (const sent of [task(10), task(100_000), task(LARGE)]) {
      await ports.tasks.send(queue, sent);
      const [got] = await ports.tasks.receive(queue, { session: "s", max: 1, waitMs: 2_000 });
      expect(got!.task).toEqual(sent);
      await ports.tasks.finish(queue.workspace, [got!.receipt]);
    }
    const [key] = await objects(`${queue.workspace}/tasks/`);
    const name = key!.slice(key!.lastIndexOf("/") + 1);
    expect(await ports.tasks.load!(queue.workspace, name)).toMatchObject({ kind: "query" });
    expect(await ports.tasks.load!(uuid(), name)).toBeNull();
    expect(await ports.tasks.load!(queue.workspace, `../${name}`)).toBeNull();
  }, 60_000);

  test("progress reports, heartbeats, answers and search keys may be large, too", async () => {
    const head = await begun(b);
    const text = incompressible(LARGE);
    await ports.activities.beat({ ref: head, run: head.run, activity: 1, attempt: 1, details: { text }, now: b.now() });
    expect(await ports.activities.lastBeat({ ref: head, run: head.run, activity: 1 })).toEqual({ text });
    const answer = { kind: "result" as const, result: { text } };
    await ports.answers.open(head.workspace, "q");
    await ports.answers.put(head.workspace, "q", answer);
    expect(await ports.answers.wait(head.workspace, "q", b.now() + 5_000)).toEqual(answer);
    const keys = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`k${i}`, incompressible(8_192)]));
    await ports.executions.setSearchKeys(head, head.run, keys);
    expect((await ports.executions.head(head))!.search_keys).toEqual(keys);
    const found = await ports.executions.runs({
      workspace: head.workspace,
      sortBy: "start_time",
      order: "asc",
      limit: 5,
      searchKeys: [{ key: "k7", value: keys.k7!.slice(0, 4_100), prefix: true }],
    });
    expect(found.runs.map((r) => r.run)).toEqual([head.run]);
    const shown = presentProgress(
      head,
      { event: "in_progress", task: "t", task_type: "tokens", attributes: { text }, at: b.now() },
      { id: 1, name: "charge" },
      uuid(),
    );
    await ports.feed.publish(head, head.run, { id: "p", at: b.now() }, [shown]);
    await b.eventually(async () => {
      const items = (await ports.feed.read(head.workspace, { after: 0, limit: 10 })).items;
      expect(items.map((i) => i.event.wire.event_type)).toContain("CUSTOM_TASK_IN_PROGRESS");
      expect(items.at(-1)!.event).toEqual(shown);
    });
  }, 60_000);
});
