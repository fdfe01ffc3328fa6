/** Hostile requests to the console's files: nothing outside of its folder is answered, and the server goes on. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type World, world } from "./support/world.ts";

const SECRET = "a secret beside the console";
const PAGE = "<!doctype html><title>console</title>";
const SCRIPT = `console.log(${JSON.stringify("x".repeat(5_000))})`;
let folder: string;
let w: World;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "sirocco-console-"));
  mkdirSync(join(folder, "console/assets"), { recursive: true });
  writeFileSync(join(folder, "secret.txt"), SECRET);
  writeFileSync(join(folder, "console/index.html"), PAGE);
  writeFileSync(join(folder, "console/assets/app.js"), SCRIPT);
  symlinkSync(join(folder, "secret.txt"), join(folder, "console/link.txt"));
  w = await world({ consoleFolder: join(folder, "console") });
});
afterAll(async () => {
  await w.close();
  rmSync(folder, { recursive: true });
});

/** Sends these bytes as they are, and answers what comes until the server closes the connection. No answer: status 0. */
function raw(request: string | Buffer): Promise<{ status: number; headers: string; body: string }> {
  return new Promise((resolve, reject) => {
    const socket = connect(w.server.port, "127.0.0.1", () => socket.end(request));
    let text = "";
    socket.setEncoding("latin1").on("data", (part) => {
      text += part;
    });
    // The server may close the connection before it has read all of it.
    socket.on(
      "error",
      (error: NodeJS.ErrnoException) => error.code !== "ECONNRESET" && error.code !== "EPIPE" && reject(error),
    );
    socket.on("close", () => {
      const [headers = "", ...body] = text.split("\r\n\r\n");
      resolve({ status: Number(/^HTTP\/1\.1 (\d+)/.exec(headers)?.[1] ?? 0), headers, body: body.join("\r\n\r\n") });
    });
  });
}
const send = (target: string, { method = "GET", host = "localhost", headers = [] as string[] } = {}) =>
  raw([`${method} ${target} HTTP/1.1`, `host: ${host}`, "connection: close", ...headers, "", ""].join("\r\n"));

describe("a path that leads out of the console's folder", () => {
  test.each([
    "/console/../secret.txt",
    "/console/assets/../../secret.txt",
    "/console/..%2fsecret.txt",
    "/console/%2e%2e/secret.txt",
    "/console/%2e%2e%2fsecret.txt",
    "/console/..%5csecret.txt",
    "/console/..\\secret.txt",
    "/console/....//secret.txt",
    "/console/%252e%252e%252fsecret.txt",
    "/console/..%c0%afsecret.txt",
    "/console/assets/..;/..;/secret.txt",
    "/console/./../secret.txt",
    "/console/assets/%00/../../secret.txt",
    "/console//etc/passwd",
    "/console/%2fetc%2fpasswd",
    "/console/file:///etc/passwd",
    "/console/link.txt",
    "/console/assets",
    "/console/assets/",
    "/console/__proto__",
    "/console/constructor",
    "/console/index.html%00.js",
    "/console/INDEX.HTML",
    "http://localhost/console/../secret.txt",
    "/console../secret.txt",
    "/consolex",
  ])("%s is not found", async (target) => {
    for (const method of ["GET", "HEAD"]) {
      const { status, headers, body } = await send(target, { method });
      expect([400, 401, 404]).toContain(status);
      expect(headers + body).not.toContain(SECRET);
      expect(headers + body).not.toContain("root:");
    }
  });

  test("is not found where the target cannot be read at all", async () => {
    for (const target of ["/console/\x00", "/console/\x7f", "/console/\xff\xfe", "*", "console/", "//console/"]) {
      const { status, body } = await raw(
        Buffer.from(`GET ${target} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n`, "latin1"),
      );
      expect([400, 401, 404], JSON.stringify(target)).toContain(status);
      expect(body).not.toContain(SECRET);
    }
  });
});

test("a query changes no file, and the console's folder has one address", async () => {
  expect((await send("/console/?a=../secret.txt")).body).toBe(PAGE);
  expect((await send("/console/assets/app.js?v=%00")).body).toBe(SCRIPT);
  const moved = await send("/console?next=//evil.example");
  expect(moved.status).toBe(308);
  expect(moved.headers).toMatch(/\r\nlocation: console\/\r\n/i);
});

test("other methods are refused with 405, also with a body that is not read", async () => {
  for (const method of ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"]) {
    const { status, headers } = await send("/console/index.html", { method });
    expect([method, status]).toEqual([method, 405]);
    expect(headers).toMatch(/\r\nallow: GET, HEAD\r\n/i);
  }
  const long = await send("/console/", { method: "POST", headers: ["content-length: 100000000"] });
  expect(long.status).toBe(405);
  const invented = await send("/console/", { method: "INVENTED" });
  expect(invented.status).toBe(400);
});

test("a range, a condition and an encoding that make no sense are answered with the whole file", async () => {
  for (const header of [
    "range: bytes=0-3",
    "range: bytes=-1",
    `range: bytes=${Array(500).fill("0-").join(",")}`,
    "if-none-match: *x",
    `if-none-match: ${'"a",'.repeat(1_000)}`,
    "if-modified-since: yesterday",
    "accept-encoding: gzip;q=0",
    "accept-encoding: br, deflate, identity;q=0",
    "accept: image/png",
  ]) {
    const { status, body } = await send("/console/assets/app.js", { headers: [header] });
    expect([header.slice(0, 40), status, body === SCRIPT]).toEqual([header.slice(0, 40), 200, true]);
  }
  const zipped = await send("/console/assets/app.js", { headers: ["accept-encoding: br;q=1, gzip;q=0.5"] });
  expect(zipped.headers).toMatch(/content-encoding: gzip/i);
  expect(Buffer.from(zipped.body, "latin1").equals(gzipSync(SCRIPT))).toBe(true);
});

test("foreign names and origins are refused, and headers that are too long end their connection alone", async () => {
  for (const host of ["evil.example", "localhost.evil.example", "127.0.0.1@evil.example", "[::1].evil.example", ""]) {
    expect([host, (await send("/console/", { host })).status]).toEqual([host, 403]);
  }
  for (const origin of ["https://evil.example", "null", "http://localhost.evil.example"]) {
    const { status, headers } = await send("/console/", { headers: [`origin: ${origin}`] });
    expect([origin, status]).toEqual([origin, 403]);
    expect(headers).not.toMatch(/access-control-allow-origin/i);
  }
  expect([0, 431]).toContain((await send("/console/", { headers: [`x-long: ${"x".repeat(100_000)}`] })).status);
  expect([0, 431]).toContain((await send(`/console/${"a/".repeat(50_000)}`)).status);
  const many = Array.from({ length: 3_000 }, (_, i) => `x-${i}: 1`);
  expect([0, 200, 431]).toContain((await send("/console/", { headers: many })).status);
  expect((await send("/console/")).body).toBe(PAGE);
});
