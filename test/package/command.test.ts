/** The command as users get it: packed, and installed with the packed SDK into a folder that has nothing else of ours. */
import { once } from "node:events";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { VERSION } from "../../shared/protocol/version.ts";
import { keyPrintedBy, Process } from "../cli/support.ts";
import { describeUnless } from "../support/describe-unless.ts";
import { OLDEST_NODE, oldestNode } from "./oldest-node.ts";
import { env, PACKING_MS, type Project, project } from "./project.ts";

const WORKER = `
import { writeFileSync } from "node:fs";
import { activity, runWorker, workflow } from "@sirocco/sdk";

const double = activity({ name: "double" }, (n: { of: number }) => n.of * 2);
const sum = workflow({ name: "sum" }, async () => ({ sum: (await double({ of: 4 })) + (await double({ of: 5 })) }));

writeFileSync("pids", JSON.stringify([process.pid, process.ppid]));
await runWorker({ workflows: [sum], activities: [double] });
`;

const COMMON_WORKER = `
const { writeFileSync } = require("node:fs");
const { activity, runWorker, workflow } = require("@sirocco/sdk");

const version = activity({ name: "version" }, () => process.version);
const sum = workflow({ name: "sum" }, async () => ({ version: await version() }));

writeFileSync("pids", JSON.stringify([process.pid, process.ppid]));
runWorker({ workflows: [sum], activities: [version] });
`;

const { node: oldest, missing: noOldest } = await oldestNode();

let p: Project;
beforeAll(async () => {
  p = await project(["sdk", "cli"]);
  p.write("worker.ts", WORKER);
}, PACKING_MS);
afterAll(() => p.remove());

const running: Process[] = [];
afterEach(async () => {
  // Not SIGKILL: npm could not end the shell in which it runs the command.
  await Promise.all(running.splice(0).map((started) => started.end("SIGTERM")));
});

function run(command: string, args: readonly string[], more: Record<string, string> = {}): Process {
  const started = new Process(command, args, { cwd: p.path, env: { PATH: env.PATH!, ...more } });
  running.push(started);
  return started;
}
/** `npx sirocco …` in the project. `--no`: a package that is missing is a failure, not a download. */
const npx = (...args: string[]) => run("npx", ["--no", "--loglevel", "error", "sirocco", ...args]);
/** The command without npm around it. */
const bin = () => join(p.installed("cli"), "dist", "bin.js");

const DEV = ["dev", "--port", "0", "--worker", "worker.ts"];

/** What `dev` prints once its worker serves, and the process ids of the worker and of the watcher that restarts it. */
async function served(dev: Process): Promise<{ url: string; key: string; pids: number[] }> {
  const [, url] = await dev.waitForOutput(/^SIROCCO_URL=(\S+)\n/m);
  const key = await keyPrintedBy(dev);
  await dev.waitForOutput(/serves sum/);
  return { url: url!, key, pids: JSON.parse(readFileSync(join(p.path, "pids"), "utf8")) };
}

function alive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

const answers = (url: string) =>
  fetch(`${url}/health`).then(
    () => true,
    () => false,
  );

const manifest = (folder: string) => JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
const files = (folder: string) =>
  readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((file) => statSync(join(folder, file)).isFile());

describe("the package of the command", () => {
  test("holds built code, licences and readme, and nothing of the machine that built it", () => {
    const folder = p.installed("cli");
    const found = files(folder);
    const wanted = [
      "LICENSE",
      "README.md",
      "dist/bin.js",
      "dist/dev/server-thread.js",
      "dist/dev/tether.js",
      "dist/grafana.json",
      "dist/schema-thread.js",
      "dist/THIRD-PARTY-NOTICES.txt",
    ];
    expect(found).toEqual(expect.arrayContaining(wanted));
    expect(
      found.filter(
        (file) =>
          !wanted.includes(file) &&
          !/^(dist\/chunk-\w+\.js|dist\/console\/(index\.html|theme\.js|THIRD-PARTY-NOTICES\.txt|assets\/[\w-]+\.(js|css|svg))|package\.json)$/.test(
            file,
          ),
      ),
    ).toEqual([]);
    const here = new URL("../..", import.meta.url).pathname;
    const text = (file: string) => readFileSync(join(folder, file), "utf8");
    expect(found.filter((file) => /\/(home|root|tmp|Users)\//.test(text(file)) || text(file).includes(here))).toEqual(
      [],
    );
    for (const name of ["zod", "@aws-sdk/client-dynamodb", "@smithy/core"]) {
      expect(text("dist/THIRD-PARTY-NOTICES.txt")).toMatch(new RegExp(`^${name} \\d`, "m"));
    }
  });

  test("takes 6 MB at most, installed", () => {
    const folder = p.installed("cli");
    const bytes = files(folder).reduce((sum, file) => sum + statSync(join(folder, file)).size, 0);
    expect(bytes / 1_000_000).toBeLessThan(6);
    expect(bytes).toBeGreaterThan(500_000);
  });

  test("has the thread that checks large inputs beside the code that begins it", async () => {
    const dist = join(p.installed("cli"), "dist");
    const begins = files(dist).filter((file) => readFileSync(join(dist, file), "utf8").includes("./schema-thread."));
    expect(begins).toEqual([expect.stringMatching(/^chunk-\w+\.js$/)]);
    const thread = new Worker(join(dist, "schema-thread.js"));
    thread.postMessage({ schema: '{"properties":{"a":{"type":"string"}}}', input: '{"a":1}' });
    expect(await once(thread, "message")).toMatchObject([{ value: [{ type: "string_type" }] }]);
    await thread.terminate();
  });

  test("needs no other package: every import is a file of it, or Node's own", () => {
    expect(manifest(p.installed("cli"))).toMatchObject({ version: VERSION, license: "Apache-2.0" });
    for (const field of ["private", "dependencies", "peerDependencies"]) {
      expect(manifest(p.installed("cli"))).not.toHaveProperty(field);
    }
    const dist = join(p.installed("cli"), "dist");
    const imported = files(dist)
      .filter((file) => file.endsWith(".js"))
      .flatMap((file) => [
        ...readFileSync(join(dist, file), "utf8").matchAll(
          /^\s*(?:import|export)\b[^"'\n]*"([^"]+)";|\bimport\("([^"]+)"\)/gm,
        ),
      ])
      .map(([, fixed, lazy]) => (fixed ?? lazy)!);
    expect(imported.length).toBeGreaterThan(50);
    expect(imported.filter((path) => !path.startsWith("node:") && !/^\.\.?\//.test(path))).toEqual([]);
  });

  test("leaves the manifest in the repository pointing at the sources", () => {
    const here = manifest(new URL("../../cli", import.meta.url).pathname);
    expect(here).toMatchObject({ bin: { sirocco: "./bin.js" }, imports: { "#tether": "./dev/tether.ts" } });
    expect(manifest(join(p.packedFrom, "cli"))).toEqual(here);
    expect(readdirSync(join(p.packedFrom, "cli"))).not.toContain("LICENSE");
  });
});

describe("npx sirocco", () => {
  test("says its version", async () => {
    const asked = npx("--version");
    expect(await asked.ended, asked.err).toBe(0);
    expect(asked.out).toBe(`${VERSION}\n`);
  });

  test.each([
    "SIGTERM",
    "SIGKILL",
  ] as const)("dev serves an execution by a worker of the packed SDK; a %s to npx ends server, watcher and worker", async (ending) => {
    const dev = npx(...DEV);
    const { url, key, pids } = await served(dev);
    const start = npx("start", "sum", "--wait", "--json");
    expect(await start.ended, start.err).toBe(0);
    expect(JSON.parse(start.out)).toMatchObject({ status: "COMPLETED", result: { sum: 18 } });
    const listed = await fetch(`${url}/v1/workflows/executions`, { headers: { authorization: `Bearer ${key}` } });
    expect(listed.status).toBe(200);

    expect(pids.map(alive)).toEqual([true, true]);
    await dev.end(ending); // its output has ended: the server has closed it
    await expect.poll(() => pids.map(alive), { timeout: 10_000 }).toEqual([false, false]);
    expect(await answers(url)).toBe(false);
    expect(dev.err).toContain("stopping; all data is kept");
  });

  test("dev --one-process serves an execution, and ends with its worker", async () => {
    const dev = npx(...DEV, "--data", "one-process", "--one-process");
    const { url, key, pids } = await served(dev);
    const start = run(process.execPath, [bin(), "start", "sum", "--wait", "--json"], {
      SIROCCO_URL: url,
      SIROCCO_API_KEY: key,
    });
    expect(await start.ended, start.err).toBe(0);
    expect(JSON.parse(start.out)).toMatchObject({ status: "COMPLETED", result: { sum: 18 } });
    await dev.end("SIGTERM");
    await expect.poll(() => alive(pids[0]!), { timeout: 10_000 }).toBe(false);
    expect(await answers(url)).toBe(false);
    expect(dev.err).toMatch(/worker stopped[\s\S]*stopping; all data is kept/);
  });

  test("the worker ends when SIGKILL ends the server, and the next server has the data", async () => {
    const dev = run(process.execPath, [bin(), ...DEV]);
    const first = await served(dev);
    const start = npx("start", "sum", "--id", "kept", "--wait");
    expect(await start.ended, start.err).toBe(0);
    await dev.end("SIGKILL");
    await expect.poll(() => first.pids.map(alive), { timeout: 10_000 }).toEqual([false, false]);
    const second = await served(run(process.execPath, [bin(), ...DEV]));
    expect(second.key).toBe(first.key);
    const get = npx("get", "kept", "--json");
    expect(await get.ended, get.err).toBe(0);
    expect(JSON.parse(get.out)).toMatchObject({ status: "COMPLETED" });
  });

  test("bootstrap writes its key with the AWS client that the package contains", async () => {
    const calls: string[] = [];
    const dynamo = createServer((request, response) => {
      calls.push(String(request.headers["x-amz-target"]).replace("DynamoDB_20120810.", ""));
      request
        .resume()
        .on("end", () => response.writeHead(200, { "content-type": "application/x-amz-json-1.0" }).end("{}"));
    });
    dynamo.listen(0, "127.0.0.1");
    await once(dynamo, "listening");
    const endpoint = `http://127.0.0.1:${(dynamo.address() as AddressInfo).port}`;
    const operator = { AWS_ACCESS_KEY_ID: "x", AWS_SECRET_ACCESS_KEY: "x", AWS_ENDPOINT_URL: endpoint };
    try {
      const args = [bin(), "bootstrap", "--table", "Registry", "--region", "eu-west-1"];
      const made = run(process.execPath, args, operator);
      expect(await made.ended, made.err).toBe(0);
      expect(made.out).toMatch(/^SIROCCO_API_KEY=sk_\S+$/m);
      const written = calls.filter((call) => call !== "GetItem");
      expect(calls[0]).toBe("GetItem"); // asks for the service's time
      expect(written.toSorted()).toEqual(["PutItem", "PutItem", "UpdateItem"]);
    } finally {
      dynamo.close();
    }
  });
});

describeUnless(noOldest)(`Node ${OLDEST_NODE} itself`, () => {
  test.each([
    ["worker.ts", WORKER, { sum: 18 }, []],
    ["worker.cjs", COMMON_WORKER, { version: `v${OLDEST_NODE}` }, []],
    ["worker.cjs", COMMON_WORKER, { version: `v${OLDEST_NODE}` }, ["--one-process"]],
  ])("runs the server, and %s with the packed SDK", async (file, text, result, more) => {
    p.write(file, text);
    const data = `oldest-${file}${more}.db`;
    const dev = run(oldest!, [bin(), "dev", "--port", "0", "--data", data, "--worker", file, ...more]);
    const { url, key } = await served(dev);
    const asked = { SIROCCO_URL: url, SIROCCO_API_KEY: key };
    const start = run(oldest!, [bin(), "start", "sum", "--wait", "--json"], asked);
    expect(await start.ended, start.err).toBe(0);
    expect(JSON.parse(start.out)).toMatchObject({ status: "COMPLETED", result });
    expect(await dev.end("SIGTERM")).not.toBe("SIGKILL");
  });
});

describe("Node", () => {
  /** Runs the command under this Node, which says that it is another one. */
  const under = (version: string) => {
    const versions = `{ ...process.versions, node: ${JSON.stringify(version)} }`;
    const disguise = `Object.defineProperties(process, { versions: { value: ${versions} }, version: { value: "v${version}" } })`;
    return p.node("--import", `data:text/javascript,${encodeURIComponent(disguise)}`, bin(), "--version");
  };

  test.each([
    "18.20.8",
    "20.19.5",
    "22.17.1",
    "23.11.1",
  ])("%s is told, in one sentence, what to do", async (version) => {
    const { code, output } = await under(version);
    expect(code).toBe(2);
    expect(output).toBe(
      `sirocco needs Node.js 24 or later, or 22.18 or later of the 22 line, and this is v${version}: install Node.js 24 from https://nodejs.org and run the command again.\n`,
    );
  });

  test.each(["22.18.0", "24.0.0", "26.1.0"])("%s will do", async (version) => {
    expect(await under(version)).toEqual({ code: 0, output: `${VERSION}\n` });
  });

  test("the manifest says the same", () => {
    expect(manifest(p.installed("cli")).engines).toEqual({ node: "^22.18.0 || >=24.0.0" });
  });
});
