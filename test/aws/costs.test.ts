/** What each call of the protocol costs, by DynamoDB's own count: the promises that an execution's price rests on. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { append } from "../../shared/engine/append.ts";
import { type Claimed, claim } from "../../shared/engine/claim.ts";
import { close } from "../../shared/engine/close.ts";
import { park } from "../../shared/engine/park.ts";
import { send } from "../../shared/engine/send.ts";
import { start } from "../../shared/engine/start.ts";
import type { Ref } from "../../shared/ports.ts";
import type { Aws } from "../../shared/server/aws.ts";
import { batchOf, completed, newRef, scheduled, signal, startOf, uuid } from "../contract/subject.ts";
import { cannotRun, type Installation, install } from "./account.ts";

let on: Installation;
let ports: Aws;
let ref: Ref;

/** Write and read units of one call. */
async function cost(call: () => Promise<unknown>): Promise<{ writes: number; reads: number }> {
  ports.clients.meter.take();
  await call();
  const { writeUnits, readUnits } = ports.clients.meter.take();
  return { writes: writeUnits, reads: readUnits };
}

const begin = () => start(ports, startOf(ref));
async function drive(): Promise<Claimed> {
  const claimed = await claim(ports, ref, { session: uuid() });
  if (claimed.kind !== "claimed") throw new Error("nothing to claim");
  return claimed;
}
const step = (n: number, { head }: Claimed, look: boolean) => {
  const local = [{ ...scheduled(n), where: "local:s" as const }];
  const batch = batchOf(1 + n, ports.clock.now(), local);
  return append(ports, ref, { run: head.run, chain: head.chain, fence: head.fence, batch, taken: [], look });
};
const parkUntil = ({ head: { run, fence } }: Claimed, dueAt: number | null) =>
  park(ports, ref, { run, fence, dueAt, effectsDoneThrough: 1 });

describe.skipIf(cannotRun)("what a call costs", () => {
  beforeAll(async () => {
    on = await install({ feed: false });
    ports = on.adapter();
  });
  afterAll(() => on?.end());
  beforeEach(() => {
    ref = newRef();
  });

  test("a start: the head and its entries in two indexes", async () => {
    expect(await cost(begin)).toEqual({ writes: 3, reads: 0 });
  });

  test("the first claim moves no index and reads no log", async () => {
    await begin();
    expect(await cost(drive)).toEqual({ writes: 1, reads: 1 });
  });

  test("a step is one write and nothing else; one that looks for messages reads once", async () => {
    await begin();
    const claimed = await drive();
    expect(await cost(() => step(1, claimed, false))).toEqual({ writes: 1, reads: 0 });
    expect(await cost(() => step(2, claimed, true))).toEqual({ writes: 1, reads: 1 });
  });

  test("a close: two items in a transaction, and both indexes", async () => {
    await begin();
    const { head } = await drive();
    const last = {
      run: head.run,
      chain: head.chain,
      fence: head.fence,
      batch: batchOf(2, ports.clock.now(), [completed]),
      taken: [],
      result: { ok: true },
      failure: null,
      outbox: [],
      carried: [],
    };
    expect(await cost(() => close(ports, ref, last))).toEqual({ writes: 6, reads: 1 });
  });

  test("a signal to one that is parked: message, head and one index entry, which the claim leaves where it is", async () => {
    await begin();
    await parkUntil(await drive(), null);
    expect(await cost(() => send(ports, ref, signal("s", ports.clock.now())))).toEqual({ writes: 3, reads: 1 });
    let claimed: Claimed;
    const claiming = async () => {
      claimed = await drive();
    };
    expect((await cost(claiming)).writes).toBe(1);
    expect(await cost(() => parkUntil(claimed, null))).toEqual({ writes: 2, reads: 0 });
  });
});
