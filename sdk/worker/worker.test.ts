/** What a worker does when calls fail, leases lapse, and it is told to stop; over the real engine, with virtual time. */
import { describe, expect, test } from "vitest";
import * as z from "zod";
import { activity, workflow } from "../index.ts";
import { environment } from "../testing/environment.ts";
import type { Transport } from "./transport.ts";
import { ServerUnreachable } from "./transport.ts";

type Call = Parameters<Transport["call"]>;
/** Puts `before` in the way of every call; what it throws is what the worker sees. */
const wired =
  (before: (operation: Call[0], body: never, n: number) => unknown) =>
  (inner: Transport, n: number): Transport => ({
    close: () => inner.close(),
    async call(operation, body, options) {
      await before(operation, body as never, n);
      return inner.call(operation, body, options);
    },
  });
const away = (operation: string) => new ServerUnreachable(operation, "cannot reach the server");

const work = activity(
  { name: "work", input: z.object({ n: z.number() }), output: z.number(), retry: { maxAttempts: 3, first: "1s" } },
  async ({ n }) => n,
);
const pair = workflow({ name: "pair", timeout: null }, async () => (await work({ n: 1 })) + (await work({ n: 2 })));
const _numbers = z.object({ n: z.number() });

describe("a server that is away for longer than a call is repeated", () => {
  test("an outcome that could not be recorded is recorded by the worker that has it, once the server is back", async () => {
    let down = false;
    await using env = await environment(
      { workflows: [pair], activities: [work], workers: 2 },
      {
        wire: wired((operation) => {
          if (down && operation === "append") throw away(operation);
        }),
      },
    );
    env.stub(work, async ({ n }) => {
      if (n === 1) down = true;
      return n;
    });
    const run = await env.start(pair, {});
    await env.advance("4s"); // the other worker has taken the task over, and knows that the first one lives
    down = false;
    await env.advance("3s");
    expect(await run.status()).toBe("COMPLETED");
    expect(env.attempts(work)).toBe(2);
  });

  test("slots promised to activities that could not be recorded are free again", async () => {
    let down = true;
    const one = workflow({ name: "one", timeout: null }, () => work({ n: 1 }));
    await using env = await environment(
      { workflows: [one], activities: [work], maxConcurrentActivities: 1 },
      {
        wire: wired((operation) => {
          if (down && operation === "append") throw away(operation);
        }),
      },
    );
    const run = await env.start(one, {});
    await env.advance("2m");
    down = false;
    expect(await run.result()).toBe(1);
    expect(await run.history()).toMatchObject([{}, { where: expect.stringMatching(/^local:/) }, {}, {}]);
  });
});

test("activities that a workflow asks for and does not await take no slots with them", async () => {
  const forgets = workflow({ name: "forgets" }, async () => {
    work({ n: 1 }).catch(() => {});
    return "done";
  });
  const one = workflow({ name: "one" }, () => work({ n: 1 }));
  await using env = await environment({ workflows: [forgets, one], activities: [work], maxConcurrentActivities: 1 });
  for (let i = 0; i < 10; i++) expect(await (await env.start(forgets, {})).result()).toBe("done");
  const run = await env.start(one, {});
  expect(await run.result()).toBe(1);
  expect((await run.history())[1]).toMatchObject({ where: expect.stringMatching(/^local:/) });
});
