/** The stored feed: its sequences are dense, and a reader finds the start and the end of an execution. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { DeleteItemCommand, QueryCommand } from "@aws-sdk/client-dynamodb";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Item } from "../../shared/aws/table.ts";
import type { Head } from "../../shared/protocol/head.ts";
import type { NewEvent } from "../../shared/protocol/history.ts";
import type { Aws, Change } from "../../shared/server/aws.ts";
import { type Bench, batchOf, begun, bench, claimed, closed, LIMIT, newRef, uuid } from "../contract/subject.ts";
import { describeUnless } from "../support/describe-unless.ts";
import { cannotRun, type Installation, install } from "./account.ts";

const done = (activity: number): NewEvent => ({ kind: "activity_completed", activity, name: "charge", result: null });

let on: Installation;
let ports: Aws;
let b: Bench;

describeUnless(cannotRun)("the feed on AWS", () => {
  beforeAll(async () => {
    on = await install({ feed: false });
    ports = on.adapter();
    b = bench({ ports, pass: async () => {} });
  });
  afterAll(() => on?.end());

  const write = (head: Head, first: number, events: NewEvent[]) =>
    ports.executions.putBatch(head, head.run, batchOf(first, b.now(), events), LIMIT);
  const items = async (TableName: string, pk: string): Promise<Item[]> => {
    const values = { ":pk": { S: pk } };
    const input = { TableName, KeyConditionExpression: "pk = :pk", ExpressionAttributeValues: values };
    return (await ports.clients.dynamo.send(new QueryCommand(input))).Items ?? [];
  };
  /** The changes of an execution as the change stream delivers them: each item once, the head first. */
  const changesOf = async (head: Head, at = b.now()): Promise<Change[]> =>
    (await items(on.tables.executions, `${head.workspace}#${head.execution}`))
      .filter((item) => item.sk!.S !== "POINTER")
      .map((image, i) => ({ id: `${head.run} ${i}`, at, image }));
  const read = async (workspace: string, p: Partial<Parameters<Aws["feed"]["read"]>[1]> = {}) =>
    (await ports.feed.read(workspace, { after: 0, limit: 1000, ...p })).items;

  test("sends the traces of the runs that have closed to a collector, once", async () => {
    const sent: string[] = [];
    const collector = createServer((request, response) => {
      request.on("data", (part) => void sent.push(String(part)));
      request.on("end", () => response.end());
    }).listen(0, "127.0.0.1");
    await once(collector, "listening");
    const { port } = collector.address() as AddressInfo;
    const [open, ended] = [await begun(b, newRef()), await begun(b, newRef())];
    await closed(b, ended);
    const writer = on.adapter({ otlp: { url: `http://127.0.0.1:${port}` } });
    const changes = [...(await changesOf(open)), ...(await changesOf(ended))];
    expect(await writer.feedChanges(changes)).toEqual([]);
    expect(await writer.feedChanges(changes)).toEqual([]);
    collector.close();
    expect(sent).toHaveLength(1);
    expect(sent[0]).toContain(ended.execution);
    expect(sent[0]).not.toContain(open.execution);
  });

  test("uses no sequence again when all items have expired", async () => {
    const workspace = uuid();
    const head = await begun(b, newRef(workspace));
    await on.adapter().feedChanges(await changesOf(head));
    const [first] = await read(workspace);
    expect(first!.sequence).toBe(1);
    for (const item of await items(on.tables.feed, workspace)) {
      if (item.sk!.S === "ANCHOR") continue;
      const Key = { pk: item.pk!, sk: item.sk! };
      await ports.clients.dynamo.send(new DeleteItemCommand({ TableName: on.tables.feed, Key }));
    }
    const last = await ports.feed.last(workspace);
    expect(last).toBeGreaterThanOrEqual(1);
    const next = await begun(b, newRef(workspace));
    await on.adapter().feedChanges(await changesOf(next));
    const [later] = await read(workspace);
    expect(later!.sequence).toBeGreaterThan(last);
    expect(later!.event.wire.workflow_run_id).toBe(next.run);
  });

  test("holds up the records after a failed one within its workspace, and in no other workspace", async () => {
    const [one, two] = [await begun(b), await begun(b)];
    await write(one, 2, [done(1)]);
    await write(one, 3, [done(2)]);
    const [started, first, second] = await changesOf(one);
    const broken = { ...first!, image: { ...first!.image, batch: { M: { s3: { S: `${one.workspace}/nowhere` } } } } };
    const writer = on.adapter({ log: { info: () => {}, warn: () => {}, error: () => {} } });
    const again = await writer.feedChanges([started!, broken, ...(await changesOf(two)), second!]);
    expect(again).toEqual([broken.id]);
    expect(await read(one.workspace)).toHaveLength(1);
    expect(await read(two.workspace)).toHaveLength(1);
    expect(await writer.feedChanges([first!, second!])).toEqual([]);
    expect((await read(one.workspace)).map((i) => i.sequence)).toEqual([1, 2, 3]);
  });

  test("shows a continued run after the end of the past run, whatever the order of the transaction's records", async () => {
    const head = await claimed(b, await begun(b));
    const run = uuid();
    const batch = batchOf(2, b.now(), [{ kind: "execution_continued", run, workflow: head.workflow, input: { n: 2 } }]);
    const next = { ...head, run, continued_from: head.run, started_at: b.now() };
    await ports.executions.close(head, { run: head.run, fence: head.fence, batch, next });
    const all = await changesOf(head);
    const headRecord = all.find((c) => c.image.sk!.S === "HEAD")!;
    const log = all.find((c) => c.image.sk!.S!.startsWith("LOG#"))!;
    await on.adapter().feedChanges([headRecord, log]);
    const shown = (await read(head.workspace)).map((i) => [i.event.wire.event_type, i.event.wire.workflow_run_id]);
    expect(shown).toEqual([
      ["WORKFLOW_EXECUTION_CONTINUED_AS_NEW", head.run],
      ["WORKFLOW_EXECUTION_STARTED", run],
    ]);
  });

  test("is read from near the start of an execution to its end, however many other events it holds", async () => {
    const workspace = uuid();
    const writer = on.adapter();
    const fill = async (n: number, at: number) => {
      const other = await begun(b, newRef(workspace), { started_at: at });
      for (let i = 0; i < n; i++) await write(other, 2 + i, [done(i)]);
      // One change per call, so that the feed gets many items.
      for (const change of await changesOf(other)) await writer.feedChanges([change]);
    };
    await fill(40, b.now());
    const mine = await begun(b, newRef(workspace));
    await write(mine, 2, [done(1)]);
    await closed(b, mine, 3);
    // The head as the stream delivered it before its first claim.
    const changes = (await changesOf(mine)).map((c) =>
      c.image.sk!.S === "HEAD" ? { ...c, image: { ...c.image, fresh: { BOOL: true } } } : c,
    );
    await writer.feedChanges(changes);
    await fill(40, b.now());
    const reader = on.adapter();
    const found = (await reader.feed.read(workspace, { after: 0, limit: 100, execution: mine.execution })).items;
    expect(found).toHaveLength(3);
    // The reader has found the end, so it reads nothing after it.
    reader.clients.meter.take();
    const rest = (
      await reader.feed.read(workspace, {
        after: found[2]!.sequence,
        limit: 100,
        execution: mine.execution,
      })
    ).items;
    expect(rest).toEqual([]);
    expect(reader.clients.meter.used.readUnits).toBeLessThanOrEqual(4);
    const everything = (await reader.feed.read(workspace, { after: 0, limit: 1000 })).items;
    expect(everything.map((i) => i.sequence)).toEqual(everything.map((_, i) => i + 1));
    expect(everything).toHaveLength(85);
  }, 60_000);

  test("has neither a gap nor a duplicate sequence with several writers of one workspace", async () => {
    const workspace = uuid();
    const heads = await Promise.all(Array.from({ length: 6 }, () => begun(b, newRef(workspace))));
    const writers = [on.adapter(), on.adapter(), on.adapter()];
    const all = await Promise.all(heads.map((head) => changesOf(head)));
    await Promise.all(all.map((changes, i) => writers[i % 3]!.feedChanges(changes)));
    await Promise.all(all.map((changes, i) => writers[(i + 1) % 3]!.feedChanges(changes)));
    const shown = await read(workspace);
    expect(shown.map((i) => i.sequence)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(new Set(shown.map((i) => i.event.wire.workflow_exec_id)).size).toBe(6);
  });
});
