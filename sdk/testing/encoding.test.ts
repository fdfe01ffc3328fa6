/** Payloads that a worker encodes: what the engine holds, what code sees, and what happens where keys do not fit. */
import { randomBytes } from "node:crypto";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import * as z from "zod";
import { DEFAULT_WORKSPACE } from "../../shared/api/auth.ts";
import { PayloadCodec } from "../../shared/encoding/codec.ts";
import type { Ports } from "../../shared/ports.ts";
import { startedOf } from "../../shared/protocol/head.ts";
import type { HistoryEvent } from "../../shared/protocol/history.ts";
import type { WorkerBody } from "../../shared/protocol/worker.ts";
import type { Embedded } from "../../shared/server/embedded.ts";
import { type EncodingOptions, EncryptedText, encryptedText, folderStore } from "../encoding/index.ts";
import {
  activity,
  child,
  continueAsNew,
  DivergenceError,
  on,
  query,
  signal,
  sleep,
  task,
  update,
  waitUntil,
  workflow,
} from "../index.ts";
import type { Transport } from "../worker/transport.ts";
import { environment } from "./environment.ts";
import { replay, type TestEnvironment, type TestOptions, testEnvironment } from "./index.ts";
import type { Internals } from "./internals.ts";

const quiet = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
const key = () => randomBytes(32).toString("hex");
const SECRET = "Ada Lovelace";
const full = (own = key()): EncodingOptions => ({ encryption: { mode: "full", key: own } });

const open: { close(): Promise<void> }[] = [];
const folders: string[] = [];
afterEach(async () => {
  for (const env of open.splice(0)) await env.close();
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true });
});
async function env(options: TestOptions, internals?: Internals): Promise<TestEnvironment> {
  const made = await (internals ? environment(options, internals) : testEnvironment(options));
  open.push(made);
  return made;
}
async function folder(): Promise<string> {
  const made = await mkdtemp(join(tmpdir(), "sirocco-blobs-"));
  folders.push(made);
  return made;
}

const Named = z.object({ name: z.string() });
const greet = activity({ name: "greet", input: Named, output: Named }, ({ name }) => ({ name: `Hello, ${name}` }));
const rename = signal("rename", Named);
const who = query("who", Named);
const set = update("set", Named, Named);
const inner = workflow({ name: "inner", input: Named, output: Named }, async ({ name }) => greet({ name }));
const story = workflow(
  {
    name: "story",
    input: Named.extend({ again: z.boolean().default(false) }),
    output: Named,
    handlers: [rename, who, set],
  },
  async (input) => {
    let { name } = input;
    let done = false;
    on(who, () => ({ name }));
    on(rename, (next) => {
      name = next.name;
    });
    on(set, (next) => {
      name = next.name;
      done = true;
      return { name };
    });
    if (input.again) return continueAsNew({ name, again: false });
    await task("progress", { name }, async (t) => t.set({ name: `${name}!` }));
    await waitUntil(() => done, "1d");
    const { name: greeting } = await child(inner, { name });
    await sleep("1m");
    return { name: greeting };
  },
);

/** Everything that the engine holds, as text. */
function stored(engine: Ports): string {
  const { database } = engine as Embedded;
  const text = (_: string, value: unknown) =>
    value instanceof Uint8Array ? Buffer.from(value).toString("latin1") : value;
  const tables = database.all("SELECT name FROM sqlite_master WHERE type = 'table'") as { name: string }[];
  return tables.map(({ name }) => JSON.stringify(database.all(`SELECT * FROM "${name}"`), text)).join("\n");
}

/** An environment for `story`, and what its engine holds. */
async function storyWith(encoding: EncodingOptions | undefined, more: Internals = {}) {
  let engine!: Ports;
  const options = { workflows: [story, inner], activities: [greet], log: quiet, ...(encoding && { encoding }) };
  const keep = (ports: Ports) => {
    engine = ports;
  };
  const t = await env(options, { ...more, engine: keep });
  return { t, stored: () => stored(engine) };
}

test("with full encryption the engine holds no payload that it could read, and code sees plain values", async () => {
  const { t, stored } = await storyWith(full());
  const run = await t.start(story, { name: SECRET, again: true });
  await run.signal(rename, { name: `${SECRET} II` });
  expect(await run.query(who)).toEqual({ name: `${SECRET} II` });
  expect(await run.update(set, { name: `${SECRET} III` })).toEqual({ name: `${SECRET} III` });
  expect(await run.result()).toEqual({ name: `Hello, ${SECRET} III` });
  const events = await run.history();
  expect(JSON.stringify(events)).toContain(SECRET);
  expect(stored()).not.toContain("Lovelace");
  await replay(story, { events });
  const { t: plain, stored: readable } = await storyWith(undefined);
  await plain.start(story, { name: SECRET });
  expect(readable()).toContain("Lovelace");
});

test("results of runs that are closed by one call are encoded", async () => {
  let engine!: Ports;
  let ended = 0;
  const echo = workflow({ name: "echo", input: Named, output: Named }, async (input) => {
    ended += 1;
    return input;
  });
  const joined: number[] = [];
  const wire = (inner: Transport): Transport => ({
    close: () => inner.close(),
    async call(operation, body, o) {
      if (operation === "close") while (ended < 6) await new Promise(setImmediate);
      if (operation === "append") joined.push((body as WorkerBody<"append">).closes?.length ?? 0);
      return inner.call(operation, body, o);
    },
  });
  const keep = (ports: Ports) => {
    engine = ports;
  };
  const t = await env({ workflows: [echo], encoding: full(), log: quiet }, { wire, engine: keep });
  const runs = await Promise.all(Array.from({ length: 6 }, () => t.start(echo, { name: SECRET })));
  for (const run of runs) expect(await run.result()).toEqual({ name: SECRET });
  expect(Math.max(...joined)).toBeGreaterThan(1);
  expect(stored(engine)).not.toContain("Lovelace");
});

test("a worker whose key does not fit holds the execution with one clear error, and one with the right key goes on", async () => {
  const right = key();
  const { t } = await storyWith(full(right), { encoding: (n) => full(n === 2 ? key() : right) });
  const run = await t.start(story, { name: SECRET });
  await t.killWorker();
  await t.addWorker();
  const changed = run.signal(rename, { name: "Grace" });
  await t.advance("10m");
  await changed;
  const failures = (await run.history()).filter((e) => e.kind === "workflow_task_failed");
  expect(failures).toMatchObject([{ failure: { type: "UndecodedPayloadError" } }]);
  expect(failures[0]!.failure.message).toMatch(
    /^the input of event 1 \(execution_started\) cannot be decoded: the payload cannot be decrypted: the key does not fit/,
  );
  expect(await run.status()).toBe("RUNNING");
  await expect(run.query(who)).rejects.toThrow(/cannot be decoded/);
  await t.killWorker();
  await t.addWorker();
  await t.advance("2m");
  expect(await run.query(who)).toEqual({ name: "Grace" });
  await run.update(set, { name: "Alan" });
  expect(await run.result()).toEqual({ name: "Hello, Alan" });
});

test("a message that cannot be decoded waits in the inbox, and is lost to nobody", async () => {
  const right = key();
  const { t, stored } = await storyWith(full(right), { encoding: (n) => full(n === 1 ? right : key()) });
  const run = await t.start(story, { name: SECRET });
  const foreign = new PayloadCodec(full());
  const input = await foreign.encode({ name: "unknown" }, { namespace: "n", execution: run.id });
  await t.api("POST", `/v1/workflows/executions/${run.id}/signals`, { name: "rename", input });
  await t.untilIdle();
  expect(await run.status()).toBe("RUNNING");
  const failures = (await run.history()).filter((e) => e.kind === "workflow_task_failed");
  expect(failures[0]!.failure.message).toMatch(/^the input of signal "rename" cannot be decoded/);
  expect((await run.history()).some((e) => e.kind === "signal_received")).toBe(false);
  expect(stored()).toContain((input as { b64payload: string }).b64payload);
});

test("after a rotation the previous key still decrypts, and the new one encrypts", async () => {
  const [first, second] = [key(), key()];
  const rotated: EncodingOptions = { encryption: { mode: "full", key: second, previousKeys: [first] } };
  let engine!: Ports;
  const keep = (ports: Ports) => {
    engine = ports;
  };
  const t = await env(
    { workflows: [story, inner], activities: [greet], encoding: rotated },
    { engine: keep, encoding: (n) => (n === 1 ? full(first) : rotated) },
  );
  const started = new PayloadCodec(full(first));
  const input = await started.encode({ name: SECRET }, { namespace: "n", execution: "old" });
  const body = { execution_id: "old", encoded_input: input };
  expect(await t.api("POST", "/v1/workflows/story/execute", body)).toMatchObject({ status: 200 });
  await t.untilIdle();
  await t.killWorker();
  await t.addWorker();
  const run = t.execution("old");
  expect(await run.query(who)).toEqual({ name: SECRET });
  await run.update(set, { name: "Grace" });
  expect(await run.result()).toEqual({ name: "Hello, Grace" });
  const events = await historyOf(engine, "old");
  await expect(started.decode((events[0] as { input: unknown }).input)).resolves.toEqual({ name: SECRET });
  const newest = new PayloadCodec(full(second));
  await expect(newest.decode((events.at(-1) as { result: unknown }).result)).resolves.toEqual({ name: "Hello, Grace" });
});

test("a payload of 5 MB goes to the folder once, whichever step carries it, and comes back whole", async () => {
  const place = await folder();
  const encoding: EncodingOptions = { ...full(), offload: { store: folderStore(place), encrypted: true } };
  const text = SECRET.repeat(400_000);
  const large = activity({ name: "large", output: Named }, () => ({ name: text }));
  const size = activity({ name: "size", input: Named, output: z.int() }, ({ name }) => name.length);
  const carrying = workflow({ name: "carrying", output: z.object({ size: z.int(), name: z.string() }) }, async () => {
    const { name } = await large();
    return { size: name.length, name };
  });
  const t = await env({ workflows: [carrying], activities: [large, size], encoding });
  const run = await t.start(carrying, {});
  expect(await run.result()).toEqual({ size: text.length, name: text });
  const blobs = (await readdir(place, { recursive: true, withFileTypes: true })).filter((e) => e.isFile());
  expect(blobs.map(({ name }) => name)).toEqual([
    expect.stringMatching(/^sha256%3A[0-9a-f]{64}$/),
    expect.stringMatching(/^sha256%3A[0-9a-f]{64}$/),
  ]);
  for (const blob of blobs)
    expect(await readFile(join(blob.parentPath, blob.name), "latin1")).not.toContain("Lovelace");
  await replay(carrying, { events: await run.history() });
});

test("a result that is too large for the server fails its activity, with its encoded size", async () => {
  const large = activity({ name: "large", output: z.string() }, () => "x".repeat(1_700_000));
  const failing = workflow({ name: "failing", output: z.string() }, () => large());
  const t = await env({ workflows: [failing], activities: [large], encoding: full(), log: quiet });
  const run = await t.start(failing, {});
  await expect(run.result()).rejects.toThrow("FAILED");
  const [failed] = (await run.history()).filter((e) => e.kind === "activity_failed");
  expect(failed!.failure.message).toMatch(/has 2266\d{3} bytes, the limit is 2097152/);
  const compressed = await env({
    workflows: [failing],
    activities: [large],
    encoding: { ...full(), compression: true },
  });
  expect((await (await compressed.start(failing, {})).result()).length).toBe(1_700_000);
});

test("with partial encryption marked texts alone are unreadable, in payloads and in the progress of tasks", async () => {
  const Login = z.object({ user: z.string(), token: EncryptedText });
  const login = activity({ name: "login", input: Login, output: Login }, (l) => l);
  const using = workflow({ name: "using", input: Login, output: Login }, async (input) => {
    await task("session", { user: input.user, token: encryptedText("") }, async (t) => {
      t.set({ user: input.user, token: encryptedText("fresh-token") });
      t.set({ user: "Grace", token: encryptedText("fresh-token-2") });
    });
    return login(input);
  });
  let engine!: Ports;
  const encoding: EncodingOptions = { encryption: { mode: "partial", key: key() } };
  const keep = (ports: Ports) => {
    engine = ports;
  };
  const t = await env({ workflows: [using], activities: [login], encoding }, { engine: keep });
  const run = await t.start(using, { user: "Ada", token: encryptedText("first-token") });
  expect(await run.result()).toEqual({ user: "Ada", token: encryptedText("first-token") });
  expect(stored(engine)).not.toContain("-token");
  expect(stored(engine)).toContain("Grace");
  const raw = (await historyOf(engine, run.id)).filter((e) => e.kind === "custom_task");
  expect(raw.map(({ attributes }) => (attributes.payload as { encoding_options: unknown }).encoding_options)).toEqual([
    ["encrypted-partial"],
    ["encrypted-partial"],
    ["encrypted-partial"],
    ["encrypted-partial"],
  ]);
});

test("a queued activity whose input a worker cannot decode is handed on, and its attempts are not used up", async () => {
  const right = key();
  const slow = activity({ name: "slow", input: Named, output: Named, retry: { maxAttempts: 1 } }, (input) => input);
  const queued = workflow({ name: "queued", input: Named, output: Named }, (input) => slow(input));
  const lines: string[] = [];
  const log = { ...quiet, warn: (message: string) => void lines.push(message) };
  const t = await env(
    { workflows: [queued], activities: [slow], encoding: full(right), log },
    { encoding: (n) => full(n === 2 ? key() : right), runs: (_, n) => n > 1 },
  );
  const run = await t.start(queued, { name: SECRET });
  await t.addWorker();
  await t.advance("30s");
  expect(lines).toContainEqual(
    expect.stringMatching(/^the input of activity "slow" cannot be decoded: .* handed back/),
  );
  expect(await run.status()).toBe("RUNNING");
  await t.addWorker();
  expect(await run.result()).toEqual({ name: SECRET });
});

test("an encoding is no part of a decision: another key, thresholds and nonces replay, and other code still diverges", async () => {
  const own = key();
  let engine!: Ports;
  const keep = (ports: Ports) => {
    engine = ports;
  };
  const doubled = (n: number) =>
    workflow({ name: "doubled", input: Named, output: Named }, async (input) => {
      for (let i = 0; i < n; i++) await greet(input);
      return input;
    });
  const t = await env(
    { workflows: [doubled(2)], activities: [greet], encoding: { ...full(own), compression: { minBytes: 0 } } },
    { engine: keep },
  );
  const run = await t.start(doubled(2), { name: SECRET.repeat(20) });
  await run.result();
  const events = await historyOf(engine, run.id);
  expect(JSON.stringify(events)).not.toContain("Lovelace");
  expect(events[0]).toMatchObject({ input: { encoding_options: ["compressed", "encrypted"] } });
  const encoding: EncodingOptions = { encryption: { mode: "full", key: key(), previousKeys: [own] } };
  await replay(doubled(2), { events }, { encoding });
  await expect(replay(doubled(3), { events }, { encoding })).rejects.toThrow(DivergenceError);
  await expect(replay(doubled(2), { events }, { encoding: full() })).rejects.toThrow("the key does not fit");
  await expect(replay(doubled(2), { events })).rejects.toThrow("no key is configured");
});

/** As the engine holds it. */
async function historyOf(engine: Ports, execution: string): Promise<HistoryEvent[]> {
  const head = (await engine.executions.head({ workspace: DEFAULT_WORKSPACE, execution }))!;
  const batches = await engine.executions.batches({ workspace: DEFAULT_WORKSPACE, execution }, head.run, 1);
  return [startedOf(head), ...batches.flatMap((batch) => batch.events)];
}
