/** Requests of browsers: foreign names of this machine, and pages of other sites. */
import { request } from "node:http";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Doors, originProblem } from "../../cli/server/doors.ts";
import { type World, world } from "./support/world.ts";

const CONSOLE = "https://console.example.com";
let w: World;
let open: World;
beforeAll(async () => {
  w = await world();
  open = await world({ origins: [CONSOLE] });
});
afterAll(async () => {
  await w.close();
  await open.close();
});

/** `fetch` forbids callers to set Host and Origin. */
function send(to: World, headers: Record<string, string>, method = "GET", path = "/v1/whoami") {
  return new Promise<{ status: number; headers: Record<string, unknown>; body: string }>((resolve, reject) => {
    const authorization = `Bearer ${to.key}`;
    const options = { method, path, port: to.server.port, host: "127.0.0.1", headers: { authorization, ...headers } };
    const sent = request(options, (answer) => {
      let body = "";
      answer.setEncoding("utf8").on("data", (text) => {
        body += text;
      });
      answer.on("end", () => resolve({ status: answer.statusCode!, headers: answer.headers, body }));
    });
    sent.on("error", reject).end();
  });
}

describe("a server on this machine alone", () => {
  test.each(["localhost", "127.0.0.1", "127.1", "127.0.1", "::1"])("listens at %s", (host) => {
    expect(new Doors({ host }).refuse({ host: "evil.example:7411" })).not.toBeNull();
  });

  test.each(["localhost", "127.0.0.1", "[::1]", "console.localhost", "LOCALHOST"])("serves %s", async (name) => {
    expect((await send(w, { host: `${name}:${w.server.port}` })).status).toBe(200);
    expect((await send(w, { host: name })).status).toBe(200);
  });

  test.each([
    "evil.example",
    "localhost.evil.example",
    "127.0.0.1.evil.example",
    "10.0.0.7",
    "evil.example:80",
  ])("refuses the name %s, also with a key and on pages that need none", async (host) => {
    for (const path of ["/v1/whoami", "/health", "/openapi.json", "/v1/worker/poll"]) {
      const { status, body } = await send(w, { host }, "GET", path);
      expect([status, JSON.parse(body).code]).toEqual([403, "FORBIDDEN"]);
    }
  });

  test("that listens for others takes any name", () => {
    const doors = new Doors({ host: "0.0.0.0" });
    expect(doors.refuse({ host: "sirocco.lan:7411" })).toBeNull();
    expect(new Doors({ host: "127.0.0.1", url: "https://flows.example" }).refuse({ host: "flows.example" })).toBeNull();
  });
});

describe("pages", () => {
  test("of the server itself may call it, those of another origin and of none may not", async () => {
    const host = `localhost:${w.server.port}`;
    expect((await send(w, { host, origin: `http://${host}` })).status).toBe(200);
    for (const origin of [CONSOLE, "null", "http://localhost:1", `http://${host}.evil.example`]) {
      const refused = await send(w, { host, origin });
      expect(refused.status).toBe(403);
      expect(refused.body).toContain("--origin");
      expect(refused.headers).not.toHaveProperty("access-control-allow-origin");
    }
  });

  test("of an allowed origin may ask, call and read, without credentials", async () => {
    const question = { origin: CONSOLE, "access-control-request-method": "POST" };
    const before = await send(open, question, "OPTIONS", "/v1/workflows/orders/execute");
    expect(before).toMatchObject({
      status: 204,
      headers: {
        "access-control-allow-origin": CONSOLE,
        "access-control-allow-headers": expect.stringContaining("authorization"),
        "access-control-allow-methods": expect.stringContaining("DELETE"),
      },
    });
    expect(before.headers).not.toHaveProperty("access-control-allow-credentials");
    const answer = await send(open, { origin: CONSOLE });
    expect(answer).toMatchObject({ status: 200, headers: { "access-control-allow-origin": CONSOLE, vary: "origin" } });
    const failed = await send(open, { origin: CONSOLE, authorization: "Bearer nobody" });
    expect(failed).toMatchObject({ status: 401, headers: { "access-control-allow-origin": CONSOLE } });
  });

  test("of other origins get no answer to their question", async () => {
    const question = { origin: "https://evil.example", "access-control-request-method": "POST" };
    const { status, headers } = await send(open, question, "OPTIONS");
    expect(status).toBe(403);
    expect(headers).not.toHaveProperty("access-control-allow-origin");
  });

  test.each([
    "*",
    "console.example.com",
    "https://a.example/",
    "https://a.example/path",
    "null",
    "",
  ])("cannot be allowed by %j, which is no origin", (text) => {
    expect(originProblem(text)).toContain("an origin is");
  });
});
