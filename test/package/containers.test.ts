/** The commands of the images, as processes: what the Dockerfiles and the other files of the template say is run and ended as they say. */
import { execFile } from "node:child_process";
import { cpSync, mkdirSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { settingsOf } from "../../sdk/worker/options.ts";
import { workflow } from "../../sdk/workflow/define.ts";
import { Process } from "../cli/support.ts";
import { env, PACKING_MS, type Project, project } from "./project.ts";

const TEMPLATE = new URL("../../create/template/", import.meta.url).pathname;
const read = (file: string) => readFileSync(join(TEMPLATE, file), "utf8");
const KEY = "sk_of-the-container";

interface Image {
  readonly env: Record<string, string>;
  readonly command: readonly string[];
  readonly health: readonly string[];
}

function image(file: string): Image {
  const text = read(file).replaceAll("\\\n", "");
  const list = (pattern: RegExp) => JSON.parse(pattern.exec(text)![1]!) as string[];
  const pairs = [...text.matchAll(/^ENV (.*)$/gm)].flatMap(([, line]) =>
    line!.split(" ").map((pair) => pair.split("=")),
  );
  return { env: Object.fromEntries(pairs), command: list(/^CMD (.*)$/m), health: list(/^HEALTHCHECK .*CMD (.*)$/m) };
}

let p: Project;
let data: string;
beforeAll(async () => {
  p = await project(["sdk", "cli"]);
  data = join(p.path, "volume");
  mkdirSync(join(p.path, "src"));
  for (const file of ["order.ts", "worker.ts"]) cpSync(join(TEMPLATE, "src", file), join(p.path, "src", file));
}, PACKING_MS);
afterAll(() => p?.remove());

const running: Process[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((started) => started.end("SIGKILL")));
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0);
  const { port } = server.address() as AddressInfo;
  await new Promise((closed) => server.close(closed));
  return port;
}

/** Starts an image's command in the project, with other ports and another place of the volume than in a container. */
function start(from: Image, ports: Readonly<Record<string, number>>, more: Record<string, string> = {}) {
  const here = (text: string) =>
    Object.entries(ports).reduce(
      (now, [there, port]) => now.replaceAll(there, String(port)),
      text.replaceAll("/data", data),
    );
  const variables = Object.fromEntries(
    Object.entries({ ...from.env, ...more }).map(([name, value]) => [name, here(value)]),
  );
  const [command, ...args] = from.command.map(here);
  const started = new Process(command!, args, { cwd: p.path, env: { PATH: env.PATH!, ...variables } });
  running.push(started);
  const healthy = () => {
    const [check, ...rest] = from.health.map(here);
    return promisify(execFile)(check!, rest, { env: { PATH: env.PATH! } }).then(
      () => true,
      () => false,
    );
  };
  return { started, healthy };
}

test("server and worker run by the commands of their images, are healthy, serve, and end at SIGTERM", async () => {
  const ports = { 7411: await freePort() };
  const server = start(image("server.Dockerfile"), ports, { SIROCCO_API_KEY: KEY });
  await expect.poll(server.healthy, { timeout: 60_000 }).toBe(true);
  const connection = { SIROCCO_URL: "http://127.0.0.1:7411", SIROCCO_API_KEY: KEY, DEPLOYMENT_NAME: "orders" };
  const worker = start(image("Dockerfile"), { ...ports, 8080: await freePort() }, connection);
  await expect.poll(worker.healthy, { timeout: 60_000 }).toBe(true);

  const url = `http://127.0.0.1:${ports[7411]}`;
  const ask = (method: string, path: string, body?: unknown) =>
    fetch(url + path, {
      method,
      headers: { authorization: `Bearer ${KEY}`, "content-type": "application/json" },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    }).then((answer) => answer.json() as Promise<Record<string, unknown>>);
  await ask("POST", "/v1/workflows/order/execute", { execution_id: "kept", input: { id: "kept", cents: 5 } });
  await ask("POST", "/v1/workflows/executions/kept/signals", { name: "approve", input: { by: "ada" } });
  const status = async () => (await ask("GET", "/v1/workflows/executions/kept")).status;
  await expect.poll(status, { timeout: 60_000 }).toBe("COMPLETED");
  expect((await fetch(`${url}/console/`)).status).toBe(200);

  expect(await worker.started.end("SIGTERM")).toBe(0);
  expect(await worker.healthy()).toBe(false);
  expect(await server.started.end("SIGTERM")).toBe(0);

  const again = start(image("server.Dockerfile"), ports, { SIROCCO_API_KEY: KEY });
  await expect.poll(again.healthy, { timeout: 60_000 }).toBe(true);
  expect(await status()).toBe("COMPLETED");
}, 240_000);

describe("the files around the images", () => {
  const compose = parse(read("compose.yaml"));
  const deployment = parse(read("kubernetes.yaml").replaceAll("__NAME__", "shop"));
  const { graceMs } = settingsOf(
    { deployment: "d", url: "http://x", apiKey: "k", workflows: [workflow({ name: "w" }, async () => {})] },
    {},
  );

  test("the entry points are node itself", () => {
    expect(image("Dockerfile").command[0]).toBe("node");
    expect(image("server.Dockerfile").command[0]).toBe("node");
  });

  test("a worker has its grace, and 10 s more to hand back what is left", () => {
    const least = graceMs / 1000 + 10;
    expect(Number.parseInt(compose.services.worker.stop_grace_period, 10)).toBeGreaterThanOrEqual(least);
    expect(deployment.spec.template.spec.terminationGracePeriodSeconds).toBeGreaterThanOrEqual(least);
  });

  test("the worker waits for a healthy server, and the server keeps its data in a volume", () => {
    expect(compose.services.worker.depends_on).toEqual({ server: { condition: "service_healthy" } });
    expect(compose.services.server.volumes).toEqual(["data:/data"]);
    expect(compose.volumes).toHaveProperty("data");
    expect(compose.services.server.build.dockerfile).toBe("server.Dockerfile");
  });

  test("the probe of Kubernetes asks the port on which the worker answers", () => {
    const [worker] = deployment.spec.template.spec.containers;
    const port = worker.env.find(({ name }: { name: string }) => name === "HEALTH_SERVER_PORT").value;
    expect(String(worker.readinessProbe.httpGet.port)).toBe(port);
    expect(deployment.spec.selector.matchLabels).toEqual(deployment.spec.template.metadata.labels);
  });
});
