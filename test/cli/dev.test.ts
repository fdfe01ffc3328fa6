/** `sirocco dev` as a real process. */
import { randomUUID } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type * as z from "zod";
import type { WORKER_ROUTES } from "../../shared/protocol/worker.ts";
import { BIN, bin, cli, type Dev, devServers, keyPrintedBy, Process, temporaryDirectory } from "./support.ts";

const { running, started } = devServers();

let directory: ReturnType<typeof temporaryDirectory>;
beforeAll(() => {
  directory = temporaryDirectory();
});
afterAll(() => directory.remove());
const path = (name: string) => join(directory.path, name);

describe("sirocco dev", () => {
  it("prints no key where standard output is no terminal, names its file, and exits with 0 after SIGTERM", async () => {
    const { process, url, key } = await started(["--data", path("lines")]);
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect(key).toMatch(/^sk_\S{20,}$/);
    expect(await process.end()).toBe(0);
    expect(process.out).toBe(`SIROCCO_URL=${url}\n`);
    expect(process.err).not.toContain(key);
    expect(process.err).toContain(`the API key is in ${path("lines/key")}`);
  });

  it("prints address and key as the only two lines of a terminal", async () => {
    const data = path("terminal");
    const stop = new AbortController();
    const lines: string[] = [];
    const ran = await cli(["dev", "--port", "0", "--data", data], {
      signal: stop.signal,
      onLine: (line) => {
        lines.push(line);
        if (line.startsWith("SIROCCO_API_KEY=")) stop.abort();
      },
    });
    expect(ran.out).toMatch(/^SIROCCO_URL=\S+\nSIROCCO_API_KEY=sk_\S+$/);
  });

  it("writes only lines of JSON with --log-format json, each with the id of its request, from the level on that was asked for", async () => {
    const options = ["--log-format", "json", "--log-level", "info"];
    const { process, url, key } = await started(["--data", path("json-lines"), ...options]);
    const headers = { authorization: `Bearer ${key}`, "x-request-id": "find-me" };
    expect((await fetch(`${url}/v1/workflows`, { headers })).status).toBe(200);
    expect(await process.end()).toBe(0);
    const lines = process.err.trimEnd().split("\n");
    const parsed = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(parsed.every(({ time, level, message }) => time && level === "info" && message)).toBe(true);
    expect(parsed).toContainEqual(expect.objectContaining({ message: "request served", request_id: "find-me" }));
    expect(process.err).not.toContain(key);
    const warn = await started(["--data", path("json-warn"), "--log-format", "json", "--log-level", "warn"]);
    await warn.process.end();
    const told = warn.process.err.trimEnd().split("\n");
    expect(told.map((line) => JSON.parse(line).message)).toEqual([
      expect.stringMatching(/^the API key is in /),
      expect.stringMatching(/^console: http/),
    ]);
    const quiet = await started(["--data", path("text-lines")], { env: { SIROCCO_LOG_LEVEL: "warn" } });
    await fetch(`${quiet.url}/v1/workflows`, { headers: { authorization: `Bearer ${quiet.key}` } });
    await quiet.process.end();
    expect(quiet.process.err).not.toContain("request served");
  });

  it("refuses a format or a level of the log that is none, and says where it stands", async () => {
    for (const [args, env, said] of [
      [["--log-format", "xml"], {}, "--log-format is 'xml': it must be json or text."],
      [["--log-level", "loud"], {}, "--log-level is 'loud': it must be one of debug, info, warn, error."],
      [[], { SIROCCO_LOG_LEVEL: "loud" }, "SIROCCO_LOG_LEVEL is 'loud'"],
    ] as const) {
      const ran = await cli(["dev", "--data", path("no-log"), ...args], { env });
      expect([ran.code, ran.err]).toEqual([2, expect.stringContaining(said)]);
    }
    expect(existsSync(path("no-log"))).toBe(false);
  });

  it("lets another SIROCCO_API_KEY replace the key: the one before is refused", async () => {
    const data = path("replaced");
    const first = await started(["--data", data]);
    await first.process.end();
    const second = await started(["--data", data], { env: { SIROCCO_API_KEY: "another-key-of-mine" } });
    const old = await cli(["list"], { env: { ...second.env, SIROCCO_API_KEY: first.key } });
    expect([old.code, old.err]).toEqual([1, expect.stringContaining("The API key is not known here")]);
    const listed = await cli(["key", "list", "--json"], { env: second.env });
    expect(JSON.parse(listed.out).keys).toMatchObject([{ name: "dev", development: true, rights: ["admin"] }]);
  });

  it("makes a new key when that of the last start has been revoked", async () => {
    const data = path("revoked");
    const first = await started(["--data", data]);
    expect((await cli(["key", "create", "mine"], { env: first.env })).code).toBe(0);
    const { keys } = JSON.parse((await cli(["key", "list", "--json"], { env: first.env })).out);
    const { key_id } = keys.find((k: { development: boolean }) => k.development);
    expect((await cli(["key", "revoke", key_id], { env: first.env })).out).toBe(`${key_id} revoked`);
    expect((await cli(["list"], { env: first.env })).code).toBe(1);
    await first.process.end();
    const second = await started(["--data", data]);
    expect(second.key).not.toBe(first.key);
    expect((await cli(["list"], { env: second.env })).code).toBe(0);
  });

  it("keeps its key, readable by its owner alone, over a restart and over SIGKILL", async () => {
    const data = path("key");
    const first = await started(["--data", data]);
    expect(statSync(join(data, "key")).mode & 0o777).toBe(0o600);
    expect(statSync(join(data, "sirocco.db")).mode & 0o777).toBe(0o600);
    expect(statSync(data).mode & 0o777).toBe(0o700);
    await first.process.end("SIGKILL");
    const second = await started(["--data", data]);
    expect(second.key).toBe(first.key);
    expect((await cli(["list"], { env: second.env })).code).toBe(0);
  });

  it("takes the key from the environment, and keeps it for later starts without one", async () => {
    const data = path("given");
    const given = await started(["--data", data], { env: { SIROCCO_API_KEY: "a-key-of-my-own" } });
    expect(given.key).toBe("a-key-of-my-own");
    expect((await cli(["list"], { env: given.env })).code).toBe(0);
    await given.process.end();
    expect((await started(["--data", data])).key).toBe("a-key-of-my-own");
  });

  it("refuses a key that is too short", async () => {
    const process = bin(["dev", "--port", "0", "--data", path("short")], { env: { SIROCCO_API_KEY: "short" } });
    expect(await process.ended).toBe(2);
    expect(process.err).toContain("SIROCCO_API_KEY cannot be used as a key: an API key has at least 8 characters");
  });

  it("refuses a directory that another server uses, names that server, and does not disturb it", async () => {
    const data = path("shared");
    const first = await started(["--data", data]);
    const second = bin(["dev", "--port", "0", "--data", data]);
    expect(await second.ended).toBe(1);
    expect(second.err).toContain(`in use by another server (${first.url})`);
    expect((await cli(["list"], { env: first.env })).code).toBe(0);
  });

  it("reports a port that is in use", async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
    const { port } = other.address() as { port: number };
    const process = bin(["dev", "--port", String(port), "--data", path("port")]);
    expect(await process.ended).toBe(1);
    expect(process.err).toContain(`Port ${port} on 127.0.0.1 is in use`);
    expect(process.err).toContain("--port 0");
    await new Promise((resolve) => other.close(resolve));
  });

  it.skipIf(process.platform === "win32")("exits with a message and code 1 when the disk refuses a write", async () => {
    const limited = `ulimit -f 400; exec "$0" "$1" dev --port 0 --data "$2"`; // blocks of 1 KiB or 512 bytes
    const server = new Process("bash", ["-c", limited, process.execPath, BIN, path("disk")]);
    running.push(server);
    const [, url] = (await server.waitForOutput(/SIROCCO_URL=(\S+)\n/)) as unknown as string[];
    const key = await keyPrintedBy(server);
    const body: z.input<typeof WORKER_ROUTES.register.body> = {
      deployment: "d",
      worker: "w",
      session: randomUUID(),
      definitions: [{ name: "w", input_schema: { type: "object", description: "x".repeat(500_000) } }],
      activities: [],
      sdk: "0",
    };
    await fetch(`${url}/v1/worker/register`, {
      method: "POST",
      headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
      body: JSON.stringify(body),
    }).catch(() => {});
    expect(await server.ended).toBe(1);
    expect(server.err).toContain("The disk refused a write");
    expect(server.err).toContain("No acknowledged write is lost");
  });

  it("refuses a directory that it cannot use, and a file that is no database", async () => {
    writeFileSync(path("file"), "");
    const inFile = bin(["dev", "--port", "0", "--data", path("file/below")]);
    expect(await inFile.ended).toBe(1);
    expect(inFile.err).toContain("cannot be used");
    const inProc = bin(["dev", "--port", "0", "--data", "/proc/foo/bar"]);
    expect(await inProc.ended).toBe(1);
    expect(inProc.err).toContain("The data directory /proc/foo/bar cannot be used");
    const { process: first } = await started(["--data", path("garbage")]);
    await first.end();
    writeFileSync(
      path("garbage/sirocco.db"),
      "this is not a database, although it is long enough to be one".repeat(100),
    );
    const onGarbage = bin(["dev", "--port", "0", "--data", path("garbage")]);
    expect(await onGarbage.ended).toBe(1);
    expect(onGarbage.err).toContain("no database of Sirocco");
  });

  it("is found by commands in the same directory while it runs", async () => {
    const server = await started([], { cwd: directory.path });
    const list = await cli(["list"], { cwd: directory.path });
    expect(list).toMatchObject({ code: 0, err: "No executions match." });
    expect(readFileSync(path(".sirocco/.gitignore"), "utf8")).toBe("*\n");
    await server.process.end();
    expect(existsSync(path(".sirocco/url"))).toBe(false);
  });

  it.each([
    [["--port", "notanumber"], "--port is 'notanumber'"],
    [["--port", "70000"], "the highest port is 65535"],
    [["--lease", "10ms"], "below 500 ms"],
    [["--lease", "soon"], "--lease"],
    [["--worker", "nowhere.ts"], "there is no such file"],
  ])("refuses %j", async (args, words) => {
    const { code, err } = await cli(["dev", ...args], { cwd: directory.path });
    expect(code).toBe(2);
    expect(err).toContain(words);
  });
});

describe("sirocco dev --worker", () => {
  const code = (answer: string) => `
    import { runWorker, workflow } from "@sirocco/sdk";
    import { part } from "./parts/part.ts";
    console.log("printed by the worker");
    await runWorker({ workflows: [workflow({ name: "w" }, async () => ${answer} + part)] });
  `;
  const project = (name: string) => {
    const at = path(name);
    mkdirSync(join(at, "parts"), { recursive: true });
    mkdirSync(join(at, "node_modules/@sirocco"), { recursive: true });
    symlinkSync(fileURLToPath(new URL("../../sdk", import.meta.url)), join(at, "node_modules/@sirocco/sdk"));
    writeFileSync(join(at, "package.json"), '{"type":"module"}');
    const save = (file: string, text: string) => {
      writeFileSync(join(at, `${file}.new`), text);
      renameSync(join(at, `${file}.new`), join(at, file)); // as editors do
    };
    return { at, save };
  };
  const serves = async ({ process }: Dev, times: number) => {
    while (process.err.split("serves w").length - 1 < times) await new Promise((ok) => setTimeout(ok, 50));
  };
  const result = async (server: Dev) => (await cli(["start", "w", "--wait"], { env: server.env })).out;

  it("restarts it after each atomic save, of an imported file too, and prints its output on standard error", async () => {
    const { at, save } = project("atomic");
    save("parts/part.ts", "export const part = 1;");
    save("worker.ts", code("10"));
    const server = await started(["--data", join(at, "d"), "--worker", join(at, "worker.ts")]);
    await serves(server, 1);
    expect(await result(server)).toContain("11");
    save("worker.ts", code("20"));
    await serves(server, 2);
    expect(await result(server)).toContain("21");
    save("parts/part.ts", "export const part = 2;");
    await serves(server, 3);
    expect(await result(server)).toContain("22");
    save("parts/part.ts", "export const part = 3;");
    await serves(server, 4);
    expect(await result(server)).toContain("23");
    expect(server.process.out).toBe(`SIROCCO_URL=${server.url}\n`);
    expect(server.process.err).toContain("printed by the worker");
    expect(await server.process.end()).toBe(0);
  }, 60_000);

  it("starts it again after a start that failed, when the missing file is there", async () => {
    const { at, save } = project("failed");
    save("worker.ts", code("10"));
    const server = await started(["--data", join(at, "d"), "--worker", join(at, "worker.ts")]);
    while (!server.process.err.includes("it starts again when a file changes"))
      await new Promise((ok) => setTimeout(ok, 50));
    save("parts/part.ts", "export const part = ;");
    while (server.process.err.split("it starts again when a file changes").length < 3)
      await new Promise((ok) => setTimeout(ok, 50));
    save("parts/part.ts", "export const part = 1;");
    await serves(server, 1);
    expect(await result(server)).toContain("11");
    expect(await server.process.end()).toBe(0);
  }, 60_000);
});
