/** `npm create sirocco` as users get it: packed, run in an empty folder, and what it makes put to work. */
import { mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { VERSION } from "../../shared/protocol/version.ts";
import { Process } from "../cli/support.ts";
import { describeUnless } from "../support/describe-unless.ts";
import { OLDEST_NODE, oldestNode } from "./oldest-node.ts";
import { env, PACKING_MS, type Project, project } from "./project.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

const { node: oldest, missing: noOldest } = await oldestNode();

let p: Project;
let app: string;
beforeAll(async () => {
  p = await project(["sdk", "cli", "create"]);
  app = join(p.path, "my-shop");
  const made = run(p.path, "npx", "--no", "create-sirocco", "my-shop", "--yes", "--no-install");
  expect(await made.ended, made.err).toBe(0);
  expect(made.out).toContain("npm run dev");
  await installFromFiles();
}, PACKING_MS);
afterAll(() => p?.remove());

const running: Process[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((started) => started.end("SIGTERM")));
});
function run(cwd: string, command: string, ...args: string[]): Process {
  const started = new Process(command, args, { cwd, env: { PATH: env.PATH! } });
  running.push(started);
  return started;
}

const manifest = () => JSON.parse(readFileSync(join(app, "package.json"), "utf8"));

/** `npm install`, with the packages of this repository in the places of those of the registry. */
async function installFromFiles(): Promise<void> {
  const as = (name: string) => `file:${join(ROOT, "node_modules", name)}`;
  const written = manifest();
  expect(written.dependencies["@sirocco/sdk"]).toBe(`^${VERSION}`);
  const dependencies = {
    "@sirocco/sdk": `file:${p.tarball("sdk")}`,
    zod: as("zod"),
    "@cfworker/json-schema": as("@cfworker/json-schema"),
  };
  const devDependencies = { sirocco: `file:${p.tarball("cli")}` };
  writeFileSync(join(app, "package.json"), JSON.stringify({ ...written, dependencies, devDependencies }));
  const installed = run(app, "npm", "install", "--offline", "--no-audit", "--no-fund", "--ignore-scripts");
  expect(await installed.ended, installed.err).toBe(0);
  mkdirSync(join(app, "node_modules/@types"), { recursive: true });
  for (const name of ["typescript", "@typescript", "@types/node", "undici-types", "@biomejs", ".bin/tsc", ".bin/biome"])
    symlinkSync(join(ROOT, "node_modules", name), join(app, "node_modules", name));
}

test("the project has a worker, a workflow, its test, a client, settings of the compiler and a Dockerfile", () => {
  const files = readdirSync(app, { recursive: true, encoding: "utf8" }).filter(
    (file) => !file.startsWith("node_modules"),
  );
  expect(files.toSorted()).toEqual(
    [
      ".dockerignore",
      ".gitignore",
      "biome.json",
      "Dockerfile",
      "README.md",
      "compose.yaml",
      "kubernetes.yaml",
      "server.Dockerfile",
      "package-lock.json",
      "package.json",
      "src",
      "src/client.ts",
      "src/order.test.ts",
      "src/order.ts",
      "src/worker.ts",
      "tsconfig.json",
    ].toSorted(),
  );
  expect(manifest()).toMatchObject({ name: "my-shop", private: true, type: "module" });
  const texts = files.filter((file) => /\.\w+$/.test(file)).map((file) => readFileSync(join(app, file), "utf8"));
  expect(texts.filter((text) => text.includes("__"))).toEqual([]);
});

test("npm run check finds nothing in it, and in a workflow that forgets to await each promise that nobody awaits", async () => {
  const checked = run(app, "npm", "run", "check");
  expect(await checked.ended, checked.out + checked.err).toBe(0);
  const forgetful = join(app, "src/forgetful.ts");
  writeFileSync(forgetful, FORGETFUL);
  const refused = run(app, "npm", "run", "check");
  expect(await refused.ended, refused.out + refused.err).toBe(1);
  const found = [...(refused.out + refused.err).matchAll(/forgetful\.ts:(\d+):\d+ lint\/nursery\/noFloatingPromises/g)];
  const lines = FORGETFUL.split("\n");
  expect(found.map(([, line]) => lines[Number(line) - 1]!.trim())).toEqual(
    lines.slice(5, 9).map((line) => line.trim()),
  );
  rmSync(forgetful);
}, 120_000);

const FORGETFUL = `import { child, parallel, sleep, workflow } from "@sirocco/sdk";
import * as z from "zod";
import { charge, order } from "./order.ts";

export const forgetful = workflow({ name: "forgetful", input: z.object({ id: z.string() }) }, async ({ id }) => {
  charge({ order: id, cents: 1 });
  sleep("1s");
  child(order, { id, cents: 1 });
  parallel([1, 2], async (cents) => charge({ order: id, cents }));
  void sleep("1h");
  const charged = charge({ order: id, cents: 2 });
  await sleep("1s");
  return await charged;
});
`;

test("npm test passes", async () => {
  const tested = run(app, "npm", "test");
  expect(await tested.ended, tested.out).toBe(0);
  expect(tested.out).toMatch(/pass 2\b/);
}, 120_000);

describeUnless(noOldest)(`Node ${OLDEST_NODE}`, () => {
  test("runs its tests too", async () => {
    const tested = run(app, oldest!, "--test");
    expect(await tested.ended, tested.out).toBe(0);
    expect(tested.out).toMatch(/pass 2\b/);
  }, 120_000);
});

test("npm run dev serves the workflow, and npm run order starts one and prints its result", async () => {
  const dev = run(app, "npm", "run", "dev", "--", "--port", "0");
  const [, url] = await dev.waitForOutput(/^SIROCCO_URL=(\S+)\n/m);
  await dev.waitForOutput(/serves order/);
  const order = new Process("npm", ["run", "order"], { cwd: app, env: { PATH: env.PATH!, SIROCCO_URL: url! } });
  running.push(order);
  expect(await order.ended, order.out + order.err).toBe(0);
  expect(order.out).toMatch(/receipt: 'A-1\/[^']+',\s+approvedBy: 'ada'/);
}, 120_000);

test("a folder that is not empty is refused, and nothing in it changes", async () => {
  const again = run(p.path, "npx", "--no", "create-sirocco", "my-shop", "--yes", "--no-install");
  expect(await again.ended).toBe(1);
  expect(again.err).toContain("is not empty");
  expect(manifest().devDependencies.sirocco).toContain("file:");
});

test("a wrong option is refused with the usage", async () => {
  const asked = run(p.path, join(p.path, "node_modules/.bin/create-sirocco"), "--template", "x");
  expect(await asked.ended).toBe(2);
  expect(asked.err).toContain("Usage: npm create sirocco");
});
