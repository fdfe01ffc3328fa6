/** Claims that come with tasks: when a worker uses them, and when it claims by a call (CLAIM-4). */
import { expect, test } from "vitest";
import * as z from "zod";
import { DEFAULT_WORKSPACE } from "../../shared/api/auth.ts";
import type { Ports } from "../../shared/ports.ts";
import type { Head } from "../../shared/protocol/head.ts";
import type { Batch } from "../../shared/protocol/history.ts";
import type { Delivery, WorkerAnswer, WorkerBody } from "../../shared/protocol/worker.ts";
import { activity, on, signal, waitUntil, workflow } from "../index.ts";
import { environment } from "../testing/environment.ts";
import type { Internals } from "../testing/internals.ts";
import { ServerUnreachable, type Transport } from "./transport.ts";

const quiet = { debug() {}, info() {}, warn() {}, error() {} };
const poke = signal("poke", z.object({ n: z.number() }));
const work = activity({ name: "work", input: z.object({ n: z.number() }) }, async ({ n }) => n);
/** Works once, then ends with the third signal. */
const waits = workflow({ name: "waits", timeout: null, handlers: [poke] }, async () => {
  const pokes: number[] = [];
  on(poke, ({ n }) => void pokes.push(n));
  await work({ n: 1 });
  await waitUntil(() => pokes.length === 3);
  return pokes;
});

/** `append` and `claim`: called before each such call. */
async function watched(
  o: Internals & { append?: (n: number) => Promise<void>; claim?: (n: number) => Promise<void> } = {},
) {
  const seen = { claims: 0, conflicts: 0, given: [] as Delivery[], parks: [] as number[] };
  let appends = 0;
  let ports!: Ports;
  const wire = (inner: Transport): Transport => ({
    close: () => inner.close(),
    call: (async (operation, body, options) => {
      if (operation === "claim") {
        seen.claims += 1;
        await o.claim?.(seen.claims);
      }
      if (operation === "park")
        seen.parks.push(...(body as WorkerBody<"park">).items.map((item) => item.effects_done_through));
      if (operation === "append") await o.append?.(++appends);
      const answer = await inner.call(operation, body, options);
      if (operation === "append")
        seen.conflicts += (answer as WorkerAnswer<"append">).results.filter(({ kind }) => kind === "conflict").length;
      if (operation === "poll")
        seen.given.push(...(answer as WorkerAnswer<"poll">).deliveries.filter(({ claimed }) => claimed));
      return answer;
    }) as Transport["call"],
  });
  const engine = (e: Ports) => {
    ports = e;
  };
  const env = await environment({ workflows: [waits], activities: [work], log: quiet }, { wire, engine, ...o });
  return { env, seen, ports };
}

/** Holds the second append, which records the outcome of the activity, until `go` was called. */
function holding(then: () => void = () => {}) {
  const reached = Promise.withResolvers<void>();
  const go = Promise.withResolvers<void>();
  const append = async (n: number) => {
    if (n !== 2) return;
    reached.resolve();
    await go.promise;
    then();
  };
  return { append, reached: reached.promise, go: () => go.resolve() };
}

test("a worker with a view of the run makes no call to claim it", async () => {
  const { env, seen } = await watched();
  await using _ = env;
  const run = await env.start(waits, {});
  for (const n of [1, 2, 3]) await run.signal(poke, { n });
  expect(await run.result()).toEqual([1, 2, 3]);
  expect(seen.claims).toBe(0);
  expect(seen.given.map(({ claimed_after: after }) => after)).toEqual([undefined, 3, 4, 5]);
  expect(seen.given.every(({ claimed }) => claimed!.batches.length === 0)).toBe(true);
});

test("a worker that has dropped its view claims by a call", async () => {
  const { env, seen } = await watched({ limits: { cachedExecutions: 0 } });
  await using _ = env;
  const run = await env.start(waits, {});
  for (const n of [1, 2, 3]) await run.signal(poke, { n });
  expect(await run.result()).toEqual([1, 2, 3]);
  expect([seen.given.length, seen.claims, seen.conflicts]).toEqual([4, 3, 0]);
});

test("a worker whose step failed meanwhile claims by a call", async () => {
  const held = holding(() => {
    throw new ServerUnreachable("append", "cut off");
  });
  const { env, seen } = await watched(held);
  await using _ = env;
  const run = await env.start(waits, {});
  await held.reached;
  await run.signal(poke, { n: 1 });
  held.go();
  for (const n of [2, 3]) await run.signal(poke, { n });
  expect(await run.result()).toEqual([1, 2, 3]);
  expect(seen.claims).toBeGreaterThan(0);
  expect(seen.conflicts).toBe(0);
  expect(env.attempts(work)).toBe(1);
});

/** As if another worker had taken in a signal, by an old fence. */
async function taken(ports: Ports, { head, at, first }: { head: Head; at: number; first: number }) {
  const event = { kind: "signal_received", id: first, at, message: "m", name: "poke", input: { n: 1 }, decided: first };
  const batch = { first, events: [event], append_id: "another worker" } as Batch;
  const { execution, run } = head;
  await ports.executions.putBatch({ workspace: DEFAULT_WORKSPACE, execution }, run, batch, 1e6);
}

test("a worker whose view lacks a batch claims by a call", async () => {
  const { env, seen, ports } = await watched();
  await using _ = env;
  const run = await env.start(waits, {});
  await env.advance("1s");
  await taken(ports, { head: seen.given[0]!.claimed!.head, at: env.now.getTime(), first: 4 });
  for (const n of [2, 3]) await run.signal(poke, { n });
  expect(await run.result()).toEqual([1, 2, 3]);
  expect(seen.given.map(({ claimed_after: after }) => after)).toEqual([undefined, 4, 5]);
  expect([seen.claims, seen.conflicts]).toEqual([1, 0]);
});

test("a worker that has claimed by a call since does not go back to the older fence", async () => {
  const reached = Promise.withResolvers<void>();
  const go = Promise.withResolvers<void>();
  const claim = async (n: number) => {
    if (n !== 1) return;
    reached.resolve();
    await go.promise;
  };
  const { env, seen, ports } = await watched({ claim, limits: { cachedExecutions: 0 } });
  await using _ = env;
  const run = await env.start(waits, {});
  await env.advance("1s");
  await run.signal(poke, { n: 1 });
  await reached.promise;
  await run.signal(poke, { n: 2 });
  const { head } = seen.given.at(-1)!.claimed!;
  expect([seen.given.length, seen.claims]).toEqual([3, 1]);
  go.resolve();
  await env.advance("1s");
  const rested = await ports.executions.head({ workspace: DEFAULT_WORKSPACE, execution: head.execution });
  expect(rested).toMatchObject({ due_at: null, fence: head.fence + 3 }); // two claims by a call, of even fences (FENCE-3)
  await run.signal(poke, { n: 3 });
  expect(await run.result()).toEqual([1, 2, 3]);
});

test("EXEC-4: a view that is newer than the claim uses it, and reports no effects of batches that it has only read", async () => {
  const held = holding();
  const { env, seen, ports } = await watched(held);
  await using _ = env;
  const run = await env.start(waits, {});
  await held.reached;
  await run.signal(poke, { n: 2 });
  expect(seen.given.at(-1)).toMatchObject({ claimed_after: 2, claimed: { messages: [{ kind: "signal" }] } });
  await taken(ports, { head: seen.given.at(-1)!.claimed!.head, at: env.now.getTime(), first: 3 });
  held.go();
  await env.advance("1s");
  expect(seen.claims).toBe(0);
  expect(seen.parks.length).toBeGreaterThan(0);
  expect(new Set(seen.parks)).toEqual(new Set([2]));
  await run.signal(poke, { n: 3 });
  expect(await run.result()).toEqual([1, 2, 3]);
  expect(seen.claims).toBe(0);
});

test("CLAIM-6: a worker of which the server has lost the claim claims by a call, and replays", async () => {
  let lost = 0;
  const { env, seen } = await watched({
    wire: (inner) => ({
      close: () => inner.close(),
      call: (async (operation, body, options) => {
        if (operation === "claim") seen.claims += 1;
        const isOfSignal = JSON.stringify(body).includes("signal_received");
        if (operation === "append" && isOfSignal && lost++ === 0)
          return { results: [{ kind: "fenced" }], now: env.now.getTime() };
        return inner.call(operation, body, options);
      }) as Transport["call"],
    }),
  });
  await using _ = env;
  const run = await env.start(waits, {});
  for (const n of [1, 2, 3]) await run.signal(poke, { n });
  expect(await run.result()).toEqual([1, 2, 3]);
  expect([lost > 0, seen.claims]).toEqual([true, 1]);
  expect(env.attempts(work)).toBe(1);
});

test("a worker of before claims all later tasks by calls", async () => {
  const { env, seen } = await watched({
    wire: (inner) => ({
      close: () => inner.close(),
      call: (async (operation, body, options) => {
        if (operation === "claim") seen.claims += 1;
        if (operation === "poll") delete (body as Partial<WorkerBody<"poll">>).claim_again;
        const answer = await inner.call(operation, body, options);
        if (operation === "poll") seen.given.push(...(answer as WorkerAnswer<"poll">).deliveries);
        return answer;
      }) as Transport["call"],
    }),
  });
  await using _ = env;
  const run = await env.start(waits, {});
  for (const n of [1, 2, 3]) await run.signal(poke, { n });
  expect(await run.result()).toEqual([1, 2, 3]);
  expect(seen.claims).toBe(3);
  expect(seen.given.map(({ claimed }) => claimed !== undefined)).toEqual([true, false, false, false]);
});
