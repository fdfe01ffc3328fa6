/** `createClient` and a real worker, over real HTTP. */
import * as esbuild from "esbuild";
import { afterAll, beforeAll, describe, expect, expectTypeOf, test } from "vitest";
import * as z from "zod";
import { ApiError, createClient, ExecutionError, named } from "../../sdk/client/index.ts";
import {
  ActivityError,
  activity,
  on,
  query,
  type RunningWorker,
  signal,
  startWorker,
  task,
  update,
  WorkflowError,
  waitUntil,
  workflow,
} from "../../sdk/index.ts";
import { QUIET, type TestServer, testServer } from "../support/test-server.ts";

class OutOfStock extends WorkflowError {}

const approve = signal("approve", z.object({ by: z.string() }));
const state = query("state", z.object({ by: z.string().nullable() }));
const amend = update("amend", z.object({ more: z.number() }), z.number());
const order = workflow(
  {
    name: "order",
    input: z.object({ cents: z.number() }),
    output: z.object({ by: z.string() }),
    handlers: [approve, state, amend],
  },
  async ({ cents }) => {
    let by: string | null = null;
    let sum = cents;
    on(approve, (input) => {
      by = input.by;
    });
    on(state, () => ({ by }));
    on(amend, ({ more }) => {
      if (more < 0) throw new WorkflowError("amounts only grow");
      sum += more;
      return sum;
    });
    await waitUntil(() => by !== null);
    return { by: String(by) };
  },
);
const greet = workflow(
  { name: "greet", input: z.object({ name: z.string() }), output: z.string() },
  async ({ name }) => `Hello, ${name}`,
);
const sell = workflow({ name: "sell" }, async () => {
  throw new OutOfStock("no chairs", { details: { left: 0 } });
});
const broken = activity({ name: "broken", retry: { maxAttempts: 1 } }, async () => {
  throw new RangeError("too far");
});
const fails = workflow({ name: "fails" }, async () => broken());
const WORDS = ["Durable ", "workflows ", "go on."];
const write = activity({ name: "write" }, () =>
  task("answer", { text: "" }, async (t) => {
    for (const word of WORDS) t.set(({ text }) => ({ text: text + word }));
  }),
);
const agent = workflow({ name: "agent" }, async () => {
  await write();
  return { done: true };
});

let server: TestServer;
let worker: RunningWorker;
let stop: () => void;
let client: ReturnType<typeof createClient>;
const calls: string[] = [];
/** Called before each request; may answer in the place of the server. */
let network: (url: string, init: RequestInit) => Promise<Response | undefined> = async () => undefined;
beforeAll(async () => {
  server = await testServer();
  stop = server.ports.maintain(100);
  worker = await startWorker({
    workflows: [order, greet, sell, fails, agent],
    activities: [broken, write],
    deployment: "shop",
    url: server.url,
    apiKey: server.key,
    log: QUIET,
  });
  client = createClient({
    url: server.url,
    apiKey: server.key,
    fetch: async (url, init) => {
      calls.push(`${init.method} ${url.slice(server.url.length)}`);
      return (await network(url, init)) ?? fetch(url, init);
    },
  });
});
afterAll(async () => {
  await worker?.stop();
  stop?.();
  await server?.close();
});

describe("createClient", () => {
  test("starts an execution, and sends it messages that have the types of its handlers", async () => {
    const run = await client.start(order, { cents: 5 }, { id: "typed" });
    expect(run.id).toBe("typed");
    expect(await run.update(amend, { more: 2 })).toBe(7);
    expect(await run.query(state)).toEqual({ by: null });
    await run.signal(approve, { by: "ada" });
    const result = await run.result();
    expectTypeOf(result).toEqualTypeOf<{ by: string }>();
    expect(result).toEqual({ by: "ada" });
    expect(await run.describe()).toMatchObject({ execution_id: "typed", status: "COMPLETED", workflow_name: "order" });
  });

  test("the types refuse a wrong input, message or handler", () => {
    // Never called: the compiler alone reads it.
    const wrong = async () => {
      // @ts-expect-error cents is a number
      const run = await client.start(order, { cents: "5" });
      // @ts-expect-error by is missing
      await run.signal(approve, {});
      // @ts-expect-error a signal is no query
      await run.query(approve);
      // @ts-expect-error the input is missing
      await client.execute(greet);
    };
    expect(wrong).toBeTypeOf("function");
  });

  test("execute answers the result as the workflow returned it, also a text, which the API wraps", async () => {
    expect(await client.execute(greet, { name: "Ada" })).toBe("Hello, Ada");
  });

  test("knows a workflow by its name and type alone, as a page in a browser does", async () => {
    const byName = named<typeof greet>("greet");
    expect(await client.execute(byName, { name: "Bob" })).toBe("Hello, Bob");
    const run = await client.start(named<typeof order>("order"), { cents: 1 });
    await run.signal(named<typeof approve>("approve"), { by: "eve" });
    expect(await client.execution(run.id, order).result()).toEqual({ by: "eve" });
  });

  test("an execution that failed throws an error whose cause has the class that the code threw", async () => {
    const error = (await client.execute(sell).catch((e) => e)) as ExecutionError;
    expect(error).toBeInstanceOf(ExecutionError);
    expect(error.status).toBe("FAILED");
    expect(error.cause).toBeInstanceOf(OutOfStock);
    expect(error.cause).toMatchObject({ message: "no chairs", details: { left: 0 } });
    const run = await client.start(fails);
    const other = (await run.result().catch((e) => e)) as ExecutionError;
    expect(other.cause).toBeInstanceOf(ActivityError);
    expect((other.cause as ActivityError).cause).toBeInstanceOf(RangeError);
  });

  test("a terminated execution has a status and no cause", async () => {
    const run = await client.start(order, { cents: 1 });
    const waiting = run.result().catch((e) => e);
    await run.terminate();
    expect(await waiting).toMatchObject({ name: "ExecutionError", status: "TERMINATED", execution: run.id });
  });

  test("a refusal has its status, code and sentence", async () => {
    const error = (await client.start({ name: "nothing" }, {}).catch((e) => e)) as ApiError;
    expect(error).toBeInstanceOf(ApiError);
    expect(error).toMatchObject({ status: 404, code: "WF_1100" });
    expect(error.message).toContain("nothing");
    const places = (await client.start({ name: "order" }, { cents: "x" }).catch((e) => e)) as ApiError;
    expect(places).toMatchObject({ status: 422, code: "WF_1001" });
    expect(places.message).toContain("cents");
    const run = await client.start(order, { cents: 1 });
    await expect(run.update(amend, { more: -1 })).rejects.toMatchObject({ status: 424, code: "HANDLER_FAILED" });
    await run.terminate();
  });

  test("refuses what JSON cannot hold before it sends anything", async () => {
    const before = calls.length;
    await expect(client.start(order, { cents: Number.NaN })).rejects.toThrow("the value of 'cents' is NaN");
    await expect(client.start({ name: "order" }, { cents: new Map() as never })).rejects.toThrow(/Map/);
    expect(calls.slice(before)).toEqual([]);
  });
});

describe("streams", () => {
  test("tokens are the pieces of a text, in order, until the execution has ended", async () => {
    const run = await client.start(agent);
    const pieces: string[] = [];
    for await (const piece of run.tokens("answer", "/text")) pieces.push(piece);
    expect(pieces.join("")).toBe(WORDS.join(""));
    const states = [];
    for await (const { status, state: now } of run.progress<{ text: string }>("answer"))
      states.push([status, now.text]);
    expect(states.at(0)).toEqual(["started", ""]);
    expect(states.at(-1)).toEqual(["completed", WORDS.join("")]);
  });

  test("events go on behind the last one after a lost connection, without a gap or a repeat", async () => {
    const run = await client.start(order, { cents: 1 });
    let cut = 0;
    network = async (url, init) => {
      if (!url.endsWith("/stream") || cut > 0) return undefined;
      cut += 1;
      const answer = await fetch(url, init);
      const reader = answer.body!.getReader();
      // The connection breaks after the first bytes, which hold whole frames.
      const body = new ReadableStream({
        async start(controller) {
          controller.enqueue((await reader.read()).value);
          await reader.cancel();
          controller.error(new TypeError("terminated"));
        },
      });
      return new Response(body, { headers: answer.headers });
    };
    const kinds: string[] = [];
    for await (const { event_type } of run.events()) {
      if (kinds.length === 0) await run.signal(approve, { by: "x" });
      kinds.push(event_type);
    }
    network = async () => undefined;
    expect(cut).toBe(1);
    expect(kinds).toEqual(["WORKFLOW_EXECUTION_STARTED", "WORKFLOW_EXECUTION_COMPLETED"]);
  });

  test("a signal ends a wait", async () => {
    const run = await client.start(order, { cents: 1 });
    const stopping = new AbortController();
    const waiting = run.result({ signal: stopping.signal });
    stopping.abort(new Error("enough"));
    await expect(waiting).rejects.toThrow("enough");
    await run.terminate();
  });
});

describe("repeated requests", () => {
  test("a start whose answer was lost is repeated with its key, and starts once", async () => {
    const keys = new Set<unknown>();
    let lost = 0;
    network = async (url, init) => {
      if (!url.endsWith("/execute")) return undefined;
      keys.add((init.headers as Record<string, string>)["idempotency-key"]);
      if (lost > 1) return undefined;
      lost += 1;
      await (await fetch(url, init)).text(); // the server has done it
      throw new TypeError("fetch failed");
    };
    const run = await client.start(order, { cents: 1 }, { id: "once" });
    network = async () => undefined;
    expect([lost, keys.size, run.id]).toEqual([2, 1, "once"]);
    await run.terminate();
  });

  test("a signal whose answer was lost is not sent twice, and one that the server refused with 429 is", async () => {
    const run = await client.start(order, { cents: 1 });
    let sent = 0;
    network = async (url) => {
      if (!url.endsWith("/signals")) return undefined;
      sent += 1;
      throw new TypeError("fetch failed");
    };
    await expect(run.signal(approve, { by: "x" })).rejects.toThrow("fetch failed");
    expect(sent).toBe(1);
    network = async (url) => {
      if (!url.endsWith("/signals")) return undefined;
      sent += 1;
      return sent === 2 ? Response.json({ detail: "slower", code: "TOO_MANY" }, { status: 429 }) : undefined;
    };
    await run.signal(approve, { by: "x" });
    network = async () => undefined;
    expect(sent).toBe(3);
    expect(await run.result()).toEqual({ by: "x" });
  });

  test("a read is given up after `attempts`", async () => {
    let tried = 0;
    const impatient = createClient({
      url: server.url,
      attempts: 2,
      fetch: async () => {
        tried += 1;
        return Response.json({ detail: "not now", code: "UNAVAILABLE" }, { status: 503 });
      },
    });
    await expect(impatient.execution("x").describe()).rejects.toMatchObject({ status: 503, message: "not now" });
    expect(tried).toBe(2);
    expect(() => createClient({ url: "", attempts: 0 })).toThrow("attempts is 0");
  });
});

test("a bundle for browsers needs no module of Node, and has at most 40 kB", async () => {
  const { outputFiles } = await esbuild.build({
    stdin: {
      contents: `import { createClient } from "./sdk/client/index.ts"; globalThis.client = createClient({ url: "" });`,
      resolveDir: new URL("../..", import.meta.url).pathname,
    },
    bundle: true,
    minify: true,
    platform: "browser",
    format: "esm",
    write: false,
  });
  expect(outputFiles[0]!.text).not.toMatch(/node:/);
  expect(outputFiles[0]!.contents.length).toBeLessThan(40_000);
});
