/** The S3 objects of writes that lost to another writer: they expire, and the objects of the winners stay. */

import { randomBytes } from "node:crypto";
import { GetObjectTaggingCommand, ListObjectsV2Command, S3Client } from "@aws-sdk/client-s3";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Ref } from "../../shared/ports.ts";
import { CLOSED_STATUSES } from "../../shared/protocol/status.ts";
import type { Aws } from "../../shared/server/aws.ts";
import {
  batchOf,
  begun,
  bench,
  claimed,
  headOf,
  LIMIT,
  newRef,
  scheduled,
  scheduleState,
  signal,
  uuid,
} from "../contract/subject.ts";
import { describeUnless } from "../support/describe-unless.ts";
import { cannotRun, type Installation, install } from "./account.ts";

let on: Installation;
let ports: Aws;
let s3: S3Client;
const large = () => randomBytes(60_000).toString("base64");

/** Keys of the objects of an execution, each with whether it is tagged to expire. */
async function objects(ref: Ref): Promise<Map<string, boolean>> {
  const where = { Bucket: on.bucket };
  const Prefix = `${ref.workspace}/${ref.execution}/`;
  const { Contents = [] } = await s3.send(new ListObjectsV2Command({ ...where, Prefix }));
  const tagged = Contents.map(async ({ Key }) => {
    const { TagSet = [] } = await s3.send(new GetObjectTaggingCommand({ ...where, Key }));
    return [Key!, TagSet.length > 0] as const;
  });
  return new Map(await Promise.all(tagged));
}
const expiring = async (ref: Ref) => [...(await objects(ref)).values()].filter((expires) => expires).length;
const staying = async (ref: Ref) => [...(await objects(ref)).values()].filter((expires) => !expires).length;

describeUnless(cannotRun)("a write that loses", () => {
  beforeAll(async () => {
    on = await install({ feed: false });
    ports = on.adapter();
    const { endpoint, region, credentials } = on.account;
    s3 = new S3Client({ endpoint, region, credentials, forcePathStyle: true });
  });
  afterAll(async () => {
    s3?.destroy();
    await on?.end();
  });
  const b = () => bench({ ports, pass: async () => {} });

  test("a start of a running execution: its object expires", async () => {
    const ref = newRef();
    await begun(b(), ref, { input: { text: large() } });
    const again = headOf(ref, b().now(), { input: { text: large() } });
    expect((await ports.executions.create(again, CLOSED_STATUSES)).kind).toBe("exists");
    expect([await staying(ref), await expiring(ref)]).toEqual([1, 1]);
  });

  test("a batch for a taken position: its object expires, and that of a repeated put stays", async () => {
    const head = await claimed(b(), await begun(b()));
    const batch = () => {
      const step = [{ ...scheduled(1), input: { text: large() } }];
      return batchOf(2, b().now(), step);
    };
    const [won, lost] = [batch(), batch()];
    const other = on.adapter();
    await other.executions.head(head); // it remembers the end of the log before the first put
    expect((await ports.executions.putBatch(head, head.run, won, LIMIT)).kind).toBe("written");
    expect((await other.executions.putBatch(head, head.run, lost, LIMIT)).kind).toBe("taken");
    await other.executions.putBatch(head, head.run, won, LIMIT);
    await on.adapter().executions.putBatch(head, head.run, won, LIMIT);
    expect([await staying(head), await expiring(head)]).toEqual([1, 1]);
    expect(await on.adapter().executions.batches(head, head.run, 1)).toEqual([won]);
  });

  test("a second message with the same id: its object expires", async () => {
    const ref = newRef();
    const id = uuid();
    for (let i = 0; i < 2; i++) await ports.executions.putMessage(ref, "chain", signal(id, i, large()));
    expect([await staying(ref), await expiring(ref)]).toEqual([1, 1]);
  });

  test("a heartbeat with large details: its object expires by age", async () => {
    const head = await begun(b());
    await ports.activities.beat({
      ref: head,
      run: head.run,
      activity: 1,
      attempt: 1,
      details: { text: large() },
      now: b().now(),
    });
    expect([await staying(head), await expiring(head)]).toEqual([0, 1]);
  });

  test("a change to a schedule: the loser's state expires, and so does the state that the winner replaced", async () => {
    const workspace = uuid();
    const state = (version: number) => scheduleState("nightly", { version, note: large() });
    const first = state(1);
    const of = { workspace, execution: "schedules/nightly" };
    expect(await ports.schedules.create(workspace, { state: first, wakeAt: null })).toBe(true);
    expect(await ports.schedules.create(workspace, { state: state(1), wakeAt: null })).toBe(false);
    expect([await staying(of), await expiring(of)]).toEqual([1, 1]);
    const second = state(2);
    expect(await ports.schedules.replace(workspace, first, { state: second, wakeAt: null })).toBe(true);
    expect(await ports.schedules.replace(workspace, first, { state: state(2), wakeAt: null })).toBe(false);
    expect([await staying(of), await expiring(of)]).toEqual([1, 3]);
    expect((await on.adapter().schedules.get({ workspace, schedule: "nightly" }))!.state).toEqual(second);
  });
});
