import { exec, execFileSync } from "node:child_process";
import cluster from "node:cluster";
import {
  createDiffieHellman,
  createDiffieHellmanGroup,
  createECDH,
  createHash,
  createSign,
  generateKeyPairSync,
  publicEncrypt,
  randomBytes,
  randomInt,
  randomUUID,
  sign,
} from "node:crypto";
import { createSocket } from "node:dgram";
import { lookup, Resolver } from "node:dns/promises";
import { ReadStream, readFileSync, realpath, realpathSync, writeFile } from "node:fs";
import { readFile } from "node:fs/promises";
import { request } from "node:http";
import { connect } from "node:net";
import { freemem, hostname } from "node:os";
import { createHistogram, monitorEventLoopDelay } from "node:perf_hooks";
import { DatabaseSync } from "node:sqlite";
import { scheduler, setTimeout as wait } from "node:timers/promises";
import { promisify } from "node:util";
import { getHeapStatistics } from "node:v8";
import { createContext, runInNewContext, Script } from "node:vm";
import { BroadcastChannel as ThreadChannel, Worker } from "node:worker_threads";
import { describe, expect, test, vi } from "vitest";
import { START, silent, stimulus, WorkflowDriver } from "../../test/support/workflow-driver.ts";
import {
  activity,
  log,
  NotDurableError,
  on,
  query,
  random,
  SandboxError,
  sleep,
  unsafe,
  uuid,
  waitUntil,
  workflow,
} from "../index.ts";
import { Random } from "../runtime/random.ts";

const note = activity({ name: "note" }, async () => {});

/** As a library takes functions of the platform when it is loaded. */
const captured = {
  randomUUID: crypto.randomUUID.bind(crypto),
  wait: promisify(setTimeout),
  now: performance.now.bind(performance),
  Date,
  format: new Intl.DateTimeFormat("en-GB", { dateStyle: "short", timeStyle: "medium", timeZone: "UTC" }).format,
};
const keys = {
  rsa: generateKeyPairSync("rsa", { modulusLength: 1024 }),
  ec: generateKeyPairSync("ec", { namedCurve: "P-256" }),
  edwards: generateKeyPairSync("ed25519"),
  lattice: generateKeyPairSync("ml-dsa-44"),
};
const pem = keys.ec.privateKey.export({ type: "pkcs8", format: "pem" });
const opened = new DatabaseSync(":memory:");
const prepared = opened.prepare("select 1");

describe("functions that cannot be replayed are refused inside a workflow", () => {
  test.each<[string, () => unknown]>([
    ["fetch()", () => fetch("http://localhost:1")],
    ["fs.readFileSync()", () => readFileSync("package.json")],
    ["fs.writeFile()", () => writeFile("/tmp/never", "", () => {})],
    ["fs/promises.readFile()", () => readFile("package.json")],
    ["net.connect()", () => connect(1)],
    ["http.request()", () => request("http://localhost:1")],
    ["dns/promises.lookup()", () => lookup("localhost")],
    ["child_process.exec()", () => exec("true")],
    ["setInterval()", () => setInterval(() => {}, 1)],
    ["exec() of a database", () => opened.exec("select 1")],
    ["get() of a database's statement", () => prepared.get()],
    ["new worker_threads.Worker()", () => new Worker("", { eval: true })],
    ["new worker_threads.BroadcastChannel()", () => new ThreadChannel("a")],
    ["new BroadcastChannel()", () => new BroadcastChannel("a")],
    ["new MessageChannel()", () => new MessageChannel()],
    ["new WebSocket()", () => new WebSocket("ws://localhost:1")],
    ["vm.runInNewContext()", () => runInNewContext("Date.now()")],
    ["vm.createContext()", () => createContext({})],
    ["runInNewContext() of a vm.Script", () => new Script("1").runInNewContext()],
    ["cluster.fork()", () => cluster.fork()],
    ["dgram.createSocket()", () => createSocket("udp4")],
    ["a DNS resolver", () => new Resolver().resolve4("localhost")],
    ["os.hostname()", () => hostname()],
    ["os.freemem()", () => freemem()],
    ["process.memoryUsage()", () => process.memoryUsage()],
    ["process.memoryUsage.rss()", () => process.memoryUsage.rss()],
    ["fs.realpathSync.native()", () => realpathSync.native(".")],
    ["fs.realpath.native()", () => realpath.native(".", () => {})],
    ["fs.open()", () => new ReadStream("package.json" as never)],
    ["process.getActiveResourcesInfo()", () => process.getActiveResourcesInfo()],
    ["process.loadEnvFile()", () => process.loadEnvFile("none")],
    ["process.umask()", () => process.umask()],
    ["process.report.getReport()", () => process.report.getReport()],
    ["process.exit()", () => process.exit()],
    ["performance.mark()", () => performance.mark("a")],
    ["Atomics.wait()", () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1)],
    ["crypto.generateKeyPairSync()", () => generateKeyPairSync("ed25519")],
    ["generateKeys() of crypto.ECDH", () => createECDH("secp256k1").generateKeys()],
    ["generateKeys() of crypto.DiffieHellmanGroup", () => createDiffieHellmanGroup("modp14").generateKeys()],
    ["crypto.publicEncrypt()", () => publicEncrypt(keys.rsa.publicKey, Buffer.from("a"))],
    [
      "crypto.sign() with a key whose signatures differ each time",
      () => sign("sha256", Buffer.from("a"), keys.ec.privateKey),
    ],
    [
      "crypto.sign() with a key whose signatures differ each time",
      () => sign("sha256", Buffer.from("a"), { key: keys.rsa.privateKey, padding: 6 }),
    ],
    [
      "crypto.sign() with a key whose signatures differ each time",
      () => sign(null, Buffer.from("a"), keys.lattice.privateKey),
    ],
    ["crypto.createDiffieHellman() of a length", () => createDiffieHellman(512)],
    ["sign() with a key whose signatures differ each time", () => createSign("sha256").update("a").sign(pem)],
    ["URL.createObjectURL()", () => URL.createObjectURL(new Blob(["a"]))],
    ["v8.getHeapStatistics()", () => getHeapStatistics()],
    ["performance.nodeTiming", () => performance.nodeTiming.duration],
    ["performance.getEntriesByType()", () => performance.getEntriesByType("mark")],
    ["new PerformanceMark()", () => Reflect.construct(PerformanceMark, ["a"])],
    ["perf_hooks.monitorEventLoopDelay()", () => monitorEventLoopDelay()],
    ["recordDelta() of a histogram", () => createHistogram().recordDelta()],
    ["crypto.randomBytes() with a callback", () => randomBytes(1, () => {})],
    ["crypto.randomInt() with a callback", () => randomInt(5, () => {})],
    ["scheduler.yield()", () => scheduler.yield()],
    ["setImmediate()", () => setImmediate(() => {})],
  ])("%s", async (what, use) => {
    const bad = workflow({ name: "bad" }, async () => void (await use()));
    const error = await WorkflowDriver.start(bad).then(
      () => undefined,
      (error: unknown) => error,
    );
    expect(error).toBeInstanceOf(SandboxError);
    expect((error as Error).message).toContain(`${what} was used inside workflow "bad", where it cannot be replayed`);
  });

  test("signatures that are the same each time stay allowed, and files and events have the time of the workflow", async () => {
    const signs = workflow({ name: "signs" }, async () => [
      sign(null, Buffer.from("a"), keys.edwards.privateKey).toString("hex"),
      createSign("sha256").update("a").sign(keys.rsa.privateKey, "hex"),
      new File([], "a").lastModified - Date.now(),
      new File([], "a", { lastModified: 5 }).lastModified,
      new File([], "a") instanceof Blob,
      new Event("a").timeStamp - performance.now(),
    ]);
    const run = await WorkflowDriver.start(signs);
    const [closing] = run.decisions.slice(-1);
    expect(closing).toMatchObject({ kind: "execution_completed" });
    const { result } = (closing as unknown as { result: { result: unknown[] } }).result;
    expect(result.slice(2)).toEqual([0, 5, true, 0]);
    expect(result[0]).toBe(sign(null, Buffer.from("a"), keys.edwards.privateKey).toString("hex"));
    expect(Math.abs(new File([], "a").lastModified - Date.now())).toBeLessThan(60_000);
    expect(() => sign("sha256", Buffer.from("a"), keys.ec.privateKey)).not.toThrow();
  });

  test("a socket made by a library is refused too", async () => {
    const { Socket } = await import("node:net");
    const bad = workflow({ name: "bad" }, async () => void new Socket().connect(1));
    await expect(WorkflowDriver.start(bad)).rejects.toThrow("a socket was used inside workflow");
  });

  test("outside workflow code they work as usual", async () => {
    await WorkflowDriver.start(workflow({ name: "any" }, async () => sleep(1)));
    expect(readFileSync("package.json", "utf8")).toContain("sirocco");
    expect(await readFile("package.json", "utf8")).toContain("sirocco");
    expect(await wait(1, "value")).toBe("value");
    expect(await promisify(setTimeout)(1, "value")).toBe("value");
    await expect(fetch("data:text/plain,hello").then((answer) => answer.text())).resolves.toBe("hello");
    expect((await promisify(exec)("echo hello")).stdout).toBe("hello\n");
    expect(readFile.name).toBe("readFile");
  });

  test("unsafe allows them, and so does a workflow that is not deterministic", async () => {
    const one = workflow({ name: "one" }, async () => unsafe(() => readFileSync("package.json", "utf8").length > 0));
    expect((await WorkflowDriver.start(one)).end).toMatchObject({ result: { result: true } });
    const two = workflow(
      { name: "two", deterministic: false },
      async () => readFileSync("package.json", "utf8").length > 0,
    );
    expect((await WorkflowDriver.start(two)).end).toMatchObject({ result: { result: true } });
    const three = workflow({ name: "three" }, async () => Date.now() !== START);
    expect((await WorkflowDriver.start(three, {}, { deterministic: false })).end).toMatchObject({
      result: { result: true },
    });
  });
});

describe("time", () => {
  test("every clock shows the time of the last stimulus", async () => {
    const clocks = () => ({
      now: Date.now(),
      date: new Date().toJSON(),
      text: Date(),
      performance: performance.now(),
      hrtime: process.hrtime(),
      big: String(process.hrtime.bigint()),
    });
    const look = workflow({ name: "look" }, async () => {
      const first = clocks();
      await note();
      return [first, clocks()];
    });
    const driver = await WorkflowDriver.start(look);
    await driver.give(stimulus.completed(1));
    const text = (at: number) => new Date(at).toString();
    expect(driver.end).toMatchObject({
      result: {
        result: [
          { now: START, date: new Date(START).toJSON(), text: text(START), performance: 0, hrtime: [0, 0], big: "0" },
          {
            now: START + 1000,
            date: new Date(START + 1000).toJSON(),
            text: text(START + 1000),
            performance: 1000,
            hrtime: [1, 0],
            big: "1000000000",
          },
        ],
      },
    });
  });

  test("Date keeps its constructor, statics and subclasses", async () => {
    const look = workflow({ name: "look" }, async () => {
      const date = new Date(5);
      class Later extends Date {}
      return [
        date instanceof Date,
        date.constructor === Date,
        new Date("2026-01-01").getTime(),
        Date.UTC(2026),
        new Later().getTime(),
      ];
    });
    expect((await WorkflowDriver.start(look)).end).toMatchObject({
      result: { result: [true, true, Date.parse("2026-01-01"), Date.UTC(2026), START] },
    });
    expect(new Date()).toBeInstanceOf(Date);
    expect(Date.now()).toBeGreaterThan(START - 1e12);
    expect(typeof Date()).toBe("string");
  });

  test("setTimeout starts a durable timer, and clearTimeout cancels it", async () => {
    const order: string[] = [];
    const timers = workflow({ name: "timers" }, async () => {
      setTimeout((what: string) => order.push(what), 1000, "first");
      const dropped = setTimeout(() => order.push("never"), 500);
      clearTimeout(dropped);
      await new Promise<void>((resolve) => setTimeout(resolve, 2000));
    });
    const driver = await WorkflowDriver.start(timers);
    expect(driver.decisions).toEqual([
      { kind: "timer_started", timer: 1, fire_at: START + 1000 },
      { kind: "timer_started", timer: 2, fire_at: START + 500 },
      { kind: "timer_cancelled", timer: 2 },
      { kind: "timer_started", timer: 3, fire_at: START + 2000 },
    ]);
    await driver.give(stimulus.fired(1));
    await driver.give(stimulus.fired(3));
    expect(order).toEqual(["first"]);
    expect(driver.instance.closed).toBe(true);
    await driver.replayed();
  });

  test("timers/promises and AbortSignal.timeout are durable too", async () => {
    const timers = workflow({ name: "timers" }, async () => {
      const value = await wait(1000, "value");
      const signal = AbortSignal.timeout(2000);
      await sleep("1d", { signal }).catch(() => {});
      return [value, signal.aborted];
    });
    const driver = await WorkflowDriver.start(timers);
    await driver.give(stimulus.fired(1));
    expect(driver.kinds).toEqual(["timer_started", "timer_started"]);
    await driver.give(stimulus.fired(2));
    expect(driver.decisions).toEqual([
      { kind: "timer_cancelled", timer: 3 },
      { kind: "execution_completed", result: { result: ["value", true] } },
    ]);
    await driver.replayed();
  });
});

describe("randomness", () => {
  test("every source gives the same values in the same run, and no two sources give the same value", async () => {
    const draw = workflow({ name: "draw" }, async () => {
      const bytes = crypto.getRandomValues(new Uint8Array(4));
      return [
        Math.random(),
        random(),
        uuid(),
        crypto.randomUUID(),
        randomUUID(),
        randomBytes(4).toString("hex"),
        randomInt(10),
        [...bytes],
      ];
    });
    const one = await WorkflowDriver.start(draw);
    const two = await WorkflowDriver.start(draw);
    expect(one.end).toEqual(two.end);
    const drawn = (one.end as unknown as { result: { result: unknown[] } }).result.result;
    expect(new Set(drawn.map(String)).size).toBe(drawn.length);
    expect(drawn[3]).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  });

  test("the stream of a run is a format: these numbers never change", () => {
    const stream = new Random("0a1b2c3d-0000-4000-8000-000000000001");
    expect([stream.uint32(), stream.uint32(), stream.fraction(), stream.uuid()]).toEqual([
      321210352,
      2919106153,
      0.26718650909266217,
      "20161fe7-ed82-4be6-9a57-0b8c49e0c06d",
    ]);
  });

  test("a query that draws numbers does not advance the stream of the run", async () => {
    const peek = query("peek");
    const draw = workflow({ name: "draw", handlers: [peek] }, async () => {
      on(peek, () => Math.random());
      await note();
      return Math.random();
    });
    const asked = await WorkflowDriver.start(draw);
    asked.instance.query("peek", null);
    await asked.give(stimulus.completed(1));
    const left = await WorkflowDriver.start(draw);
    await left.give(stimulus.completed(1));
    expect(asked.end).toEqual(left.end);
  });

  test("fractions are spread evenly", () => {
    const stream = new Random("spread");
    const buckets = new Array(10).fill(0);
    for (let i = 0; i < 100_000; i++) buckets[Math.floor(stream.fraction() * 10)] += 1;
    for (const count of buckets) expect(Math.abs(count - 10_000)).toBeLessThan(400);
  });
});

test("memory that nothing has cleared is filled with zeros in workflow code", async () => {
  Buffer.allocUnsafe(Buffer.poolSize >>> 2).fill("secret"); // the next small buffers lie beside it, or in its place
  const made = workflow({ name: "made" }, async () => {
    const sizes = Array.from({ length: 40 }, (_, i) => 300 + i * 50);
    return sizes.every((size) =>
      [Buffer.allocUnsafe(size), Buffer.allocUnsafeSlow(size)].every((bytes) => bytes.every((byte) => byte === 0)),
    );
  });
  for (let i = 0; i < 40; i++) Buffer.allocUnsafe(300 + i * 50).fill("secret");
  expect((await WorkflowDriver.start(made)).end).toMatchObject({ result: { result: true } });
  expect(Buffer.allocUnsafe(5).length).toBe(5);
  expect(Buffer.allocUnsafe.name).toBe("allocUnsafe");
});

describe("bugs that only the runtime can detect", () => {
  test("a workflow that waits for something that is not durable is a bug, and the error names the workflow", async () => {
    const answer = new Promise(() => {}); // of a socket, say, which takes its time
    const stuck = workflow({ name: "stuck" }, async () => {
      await answer;
    });
    const error = await WorkflowDriver.start(stuck).then(
      () => undefined,
      (error: unknown) => error,
    );
    expect(error).toBeInstanceOf(NotDurableError);
    expect((error as Error).message).toContain('workflow "stuck" has not ended and waits for nothing durable');
  });

  test("workflow code that a promise from outside continued is stopped at its next decision", async () => {
    let wake = () => {};
    const woken = workflow({ name: "woken" }, async () => {
      const outside = new Promise<void>((resolve) => {
        wake = resolve;
      });
      await Promise.race([outside, sleep("1h")]);
      await note();
    });
    const driver = await WorkflowDriver.start(woken);
    wake();
    await wait(0);
    await expect(driver.give(stimulus.fired(1))).rejects.toThrow(
      /took the decision .* while no event was being delivered to it/,
    );
  });

  test("code that blocks the event loop too long is a bug, and the error says how long it did", async () => {
    const busy = workflow({ name: "busy" }, async () => {
      const spin = unsafe(() => {
        const until = performance.now() + 30;
        while (performance.now() < until);
      });
      return spin;
    });
    await expect(WorkflowDriver.start(busy, {}, { budgetMs: 20 })).rejects.toThrow(
      /workflow "busy" ran for 0\.\d s without waiting for anything/,
    );
  });

  test("pure computation is allowed", async () => {
    const pure = workflow({ name: "pure" }, async () => createHash("sha256").update("x").digest("hex").length);
    expect((await WorkflowDriver.start(pure)).end).toMatchObject({ result: { result: 64 } });
  });
});

describe("lines of workflow code are logged once", () => {
  test("on the console and in the log", async () => {
    const printed = vi.spyOn(console, "log").mockImplementation(() => {});
    const lines: unknown[] = [];
    const talk = workflow({ name: "talk" }, async () => {
      log.info("begun", { step: 1 });
      await note();
      log.info("noted");
    });
    const options = {
      log: { ...silent, info: (message: string, fields?: object) => void lines.push([message, fields]) },
    };
    const driver = await WorkflowDriver.start(talk, {}, options);
    await driver.give(stimulus.completed(1));
    await driver.replayed();
    expect(lines).toEqual([
      ["begun", expect.objectContaining({ execution: "order-1", workflow: "talk", root: "order-1", step: 1 })],
      ["noted", expect.objectContaining({ execution: "order-1" })],
    ]);
    printed.mockRestore();
  });

  test("console lines of a replay are dropped, even where the console writes to a file", async () => {
    const { replaceConsole } = await import("./console.ts");
    const lines: string[] = [];
    const original = console.info;
    console.info = (line: string) => void lines.push(line + readFileSync("package.json").length * 0);
    replaceConsole();
    try {
      const talk = workflow({ name: "talk" }, async () => {
        console.info("hello");
        await waitUntil(() => false, 5);
      });
      const driver = await WorkflowDriver.start(talk);
      await driver.replayed();
      expect(lines).toEqual(["hello0"]);
    } finally {
      console.info = original;
    }
  });
});

describe("functions that were taken when a module was loaded", () => {
  test("are those of the sandbox, for the SDK is imported first", async () => {
    const taken = workflow({ name: "taken" }, async () => {
      const id = captured.randomUUID();
      const before = captured.now();
      await captured.wait(60_000);
      const stamp = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium", timeZone: "UTC" });
      return [
        id,
        captured.now() - before,
        new captured.Date().getTime() === Date.now(),
        captured.format(),
        stamp.format(),
        stamp.formatToParts(undefined).length,
        stamp.format(0),
      ];
    });
    const driver = await WorkflowDriver.start(taken);
    await driver.give(stimulus.fired(1, 60_000));
    expect(driver.end).toMatchObject({
      result: {
        result: [expect.any(String), 60_000, true, "01/03/2026, 12:01:00", "12:01:00", 5, "00:00:00"],
      },
    });
    await driver.replayed();
  });

  test("scheduler.wait is a durable timer, and a timer can be cleared by its number", async () => {
    const waits = workflow({ name: "waits" }, async () => {
      const timer = setTimeout(() => {}, 5);
      clearTimeout(Number(timer));
      using _ = setTimeout(() => {}, 5);
      await scheduler.wait(1000);
      return performance.timeOrigin + performance.now() === Date.now() && process.uptime() === 1;
    });
    const driver = await WorkflowDriver.start(waits);
    expect(driver.decisions.map(({ kind }) => kind)).toEqual([
      "timer_started",
      "timer_cancelled",
      "timer_started",
      "timer_started",
    ]);
    await driver.give(stimulus.fired(3));
    expect(driver.end).toMatchObject({ result: { result: true } });
    await driver.replayed();
  });
});

describe("console in workflow code", () => {
  test("says each line once, and keeps groups, counts and timers for its own run", () => {
    const program = `
      import { sleep, workflow } from "./sdk/index.ts";
      import { stimulus, WorkflowDriver } from "./test/support/workflow-driver.ts";
      const said = workflow({ name: "said" }, async () => {
        console.group("order");
        console.dirxml("inside");
        console.count("n");
        console.time("t");
        process.stdout.write("raw\\n");
        await sleep(1000);
        console.count("n");
        console.timeEnd("t");
        console.groupEnd();
        console.log("outside");
        await sleep(1000);
      });
      const driver = await WorkflowDriver.start(said);
      await driver.give(stimulus.fired(1));
      await driver.replayed();
      console.count("n");
      console.log("a line of the worker");`;
    const printed = execFileSync(process.execPath, ["--input-type=module", "-e", program], { encoding: "utf8" });
    expect(printed.trimEnd().split("\n")).toEqual([
      "order",
      "  inside",
      "  n: 1",
      "raw",
      "  n: 2",
      "  t: 1000ms",
      "outside",
      "n: 1",
      "a line of the worker",
    ]);
  });
});
