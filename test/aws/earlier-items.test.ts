/** Heads that an earlier version of the adapter wrote. */

import { type AttributeValue, GetItemCommand, UpdateItemCommand } from "@aws-sdk/client-dynamodb";
import { afterAll, beforeAll, expect, test } from "vitest";
import { claim } from "../../shared/engine/claim.ts";
import { send } from "../../shared/engine/send.ts";
import type { Head } from "../../shared/protocol/head.ts";
import { CLOSED_STATUSES } from "../../shared/protocol/status.ts";
import type { Aws } from "../../shared/server/aws.ts";
import { type Bench, begun, bench, finalOf, headOf, signal, uuid } from "../contract/subject.ts";
import { describeUnless } from "../support/describe-unless.ts";
import { cannotRun, type Installation, install } from "./account.ts";

let on: Installation;
let ports: Aws;
let b: Bench;

const keyOf = ({ workspace, execution }: Head) => ({ pk: { S: `${workspace}#${execution}` }, sk: { S: "HEAD" } });
/** Changes the item of a head behind the adapter's back. */
const rewrite = (
  head: Head,
  UpdateExpression: string,
  values?: Record<string, AttributeValue>,
  names?: Record<string, string>,
) =>
  ports.clients.dynamo.send(
    new UpdateItemCommand({
      TableName: on.tables.executions,
      Key: keyOf(head),
      UpdateExpression,
      ...(values && { ExpressionAttributeValues: values }),
      ...(names && { ExpressionAttributeNames: names }),
    }),
  );
const itemOf = async (head: Head) =>
  (await ports.clients.dynamo.send(new GetItemCommand({ TableName: on.tables.executions, Key: keyOf(head) }))).Item;

describeUnless(cannotRun)("a head of an earlier version", () => {
  beforeAll(async () => {
    on = await install({ feed: false });
    ports = on.adapter();
    b = bench({ ports, pass: async () => {} });
  });
  afterAll(() => on?.end());

  test("without a wake-up's due time gets the claim timeout as its due time", async () => {
    const head = await begun(b);
    await rewrite(head, "REMOVE wake_due_at");
    const now = b.now();
    const request = { dueAt: now + 120_000, keepAfter: now + 50_000, session: uuid() };
    expect(await ports.executions.claim(head, request)).toMatchObject({ due_at: now + 120_000, wake_pending: false });
  });

  test("without a fence is refused with advice by every call, and stays as it is", async () => {
    const head = await begun(b);
    await rewrite(head, "SET turn = :one REMOVE fence", { ":one": { N: "1" } });
    const before = await itemOf(head);
    const advice =
      /execution x-\S+ in workspace \S+ was written by a build before the first release .*turn.*: deploy the version that wrote it, or delete this installation \(npm run destroy\)/;
    await expect(ports.executions.head(head)).rejects.toThrow(advice);
    await expect(ports.executions.run(head.workspace, head.run)).rejects.toThrow(advice);
    await expect(ports.executions.requestWake(head, head.chain, b.now())).rejects.toThrow(advice);
    await expect(ports.executions.create(headOf(head, b.now()), CLOSED_STATUSES)).rejects.toThrow(advice);
    await expect(claim(ports, head, { session: uuid() })).rejects.toThrow(advice);
    await expect(send(ports, head, signal(uuid(), b.now()))).rejects.toThrow(advice);
    expect(await itemOf(head)).toEqual(before);
  });

  test("that is final, has expired and has no fence is refused as well, where its id is used again", async () => {
    const head = await begun(b);
    const final = finalOf(head, b.now() - 10_000);
    const values = { ":one": { N: "1" }, ":status": { S: final.status }, ":ttl": { N: "1" } };
    const names = { "#status": "status", "#ttl": "ttl" };
    const update = "SET turn = :one, #status = :status, #ttl = :ttl REMOVE fence, due_at, due_shard";
    await rewrite(head, update, values, names);
    await expect(ports.executions.create(headOf(head, b.now()), CLOSED_STATUSES)).rejects.toThrow(
      /before the first release/,
    );
  });
});
