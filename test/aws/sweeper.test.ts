/** A round of the sweeper over tables of the emulator. */
import { randomUUID } from "node:crypto";
import { QueryCommand } from "@aws-sdk/client-dynamodb";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Head } from "../../shared/protocol/head.ts";
import type { Aws } from "../../shared/server/aws.ts";
import { begun, bench, claimed, closed, newRef } from "../contract/subject.ts";
import { describeUnless } from "../support/describe-unless.ts";
import { cannotRun, type Installation, install } from "./account.ts";

const MINUTE = 60_000;
let on: Installation;
let ports: Aws;

describeUnless(cannotRun)("a round of the sweeper on AWS", () => {
  beforeAll(async () => {
    on = await install({ feed: false });
    ports = on.adapter();
  });
  afterAll(() => on?.end());

  const logOf = async ({ workspace, execution }: Head) => {
    const ExpressionAttributeValues = { ":pk": { S: `${workspace}#${execution}` }, ":sk": { S: "LOG#" } };
    const KeyConditionExpression = "pk = :pk AND begins_with(sk, :sk)";
    const input = { TableName: on.tables.executions, KeyConditionExpression, ExpressionAttributeValues };
    return (await ports.clients.dynamo.send(new QueryCommand(input))).Items ?? [];
  };

  test("gives closed runs their expiry concurrently, and leaves a failed one to the next round", async () => {
    const b = bench({ ports, pass: async () => {} });
    const workspace = randomUUID();
    const heads = await Promise.all(
      Array.from({ length: 12 }, async () => {
        const head = await claimed(b, await begun(b, newRef(workspace)));
        await closed(b, head, 2);
        return head;
      }),
    );
    const [failing] = heads;
    const lines: unknown[] = [];
    const clients = on.clients();
    let inFlight = 0;
    let most = 0;
    clients.dynamo.middlewareStack.add(
      (next, { commandName }) =>
        async (args) => {
          const isFailing = JSON.stringify(args.input).includes(failing!.execution);
          if (commandName === "UpdateItemCommand" && isFailing) throw new Error("injected");
          most = Math.max(most, ++inFlight);
          return next(args).finally(() => {
            inFlight -= 1;
          });
        },
      { step: "initialize" },
    );
    const log = { info: () => {}, warn: () => {}, error: (...line: unknown[]) => void lines.push(line) };
    const sweeping = on.adapter({ clients, log });
    expect((await sweeping.sweep(MINUTE, b.now() + MINUTE)).expired).toBe(11);
    expect(lines).toMatchObject([
      ["expiry: items of a closed run not done, the next round tries again", { run: `EXPIRE#${failing!.run}` }],
    ]);
    expect(most).toBeGreaterThanOrEqual(4);
    for (const head of heads) {
      const expiring = (await logOf(head)).map((item) => item.ttl !== undefined);
      expect(expiring, head.execution).toEqual([head !== failing]);
    }
    expect((await ports.sweep(MINUTE, b.now() + MINUTE)).expired).toBe(1);
    expect((await logOf(failing!)).every((item) => item.ttl)).toBe(true);
    expect((await ports.sweep(MINUTE, b.now() + MINUTE)).expired).toBe(0);
  }, 60_000);

  test("begins nothing after its deadline", async () => {
    const b = bench({ ports, pass: async () => {} });
    await begun(b, newRef(), { due_at: b.now() - 7_000 });
    expect(await ports.sweep(MINUTE, b.now() - 1)).toEqual({ due: 0, woken: 0, expired: 0 });
    expect((await ports.sweep(MINUTE, b.now() + MINUTE)).due).toBeGreaterThanOrEqual(1);
  });
});
