/** Deletions on AWS that lose to another writer, over tables in memory that two processes share. */
import { expect, test } from "vitest";
import { ManualClock } from "../../test/contract/manual-clock.ts";
import { begun, bench, closed, newRef, uuid } from "../../test/contract/subject.ts";
import { memoryAws } from "../../test/support/memory-aws.ts";
import type { Head } from "../protocol/head.ts";
import { CLOSED_STATUSES } from "../protocol/status.ts";

test("a start is no start of a deleted execution because a deletion tried, and another start won", async () => {
  const here = memoryAws({ clock: new ManualClock() });
  const there = here.another();
  const b = bench({ ports: here.ports, pass: async () => {} });
  const first = await begun(b, newRef());
  const { run, fence } = await closed(b, first);
  const next: Head = { ...first, run: uuid(), chain: uuid(), token: "another" };
  const dynamo = there.clients.dynamo as unknown as { send(command: object): Promise<unknown> };
  const send = dynamo.send.bind(dynamo);
  let raced = false;
  dynamo.send = async (command) => {
    if (!raced && command.constructor.name === "TransactWriteItemsCommand") {
      raced = true;
      expect(await here.ports.executions.create(next, CLOSED_STATUSES)).toEqual({ kind: "created" });
    }
    return send(command);
  };
  expect(await there.ports.executions.hide(first, { run, fence })).toBe(false);
  expect(raced).toBe(true);
  await closed(b, (await b.ports.executions.head(first))!);
  expect(await b.ports.executions.create(first, CLOSED_STATUSES)).toMatchObject({ kind: "exists", head: { run } });
});
