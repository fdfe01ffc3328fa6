/** The first steps of a new user: a new project, one worker file, `sirocco dev --worker`, a change, a result. */
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, it } from "vitest";
import { cli, type Dev, dev, temporaryDirectory } from "../cli/support.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const hello = readFileSync(join(root, "examples/hello/worker.ts"), "utf8");

let project: ReturnType<typeof temporaryDirectory>;
let server: Dev;
beforeAll(async () => {
  project = temporaryDirectory();
  mkdirSync(join(project.path, "node_modules/@sirocco"), { recursive: true });
  symlinkSync(join(root, "sdk"), join(project.path, "node_modules/@sirocco/sdk"));
  symlinkSync(join(root, "node_modules/zod"), join(project.path, "node_modules/zod"));
  writeFileSync(join(project.path, "package.json"), '{"type":"module"}');
  writeFileSync(join(project.path, "worker.ts"), hello);
  server = await dev(["--worker", "worker.ts"], { cwd: project.path });
});
afterAll(async () => {
  await server?.process.end();
  project.remove();
});

const greet = () => cli(["start", "hello", "--input", '{"name":"Ada"}', "--wait", "--json"], { cwd: project.path });

it("the smallest example runs in a new project, and `sirocco dev` serves a saved change without a manual restart", async () => {
  await server.process.waitForOutput(/worker '.*' of deployment 'dev' serves hello/);
  const first = await greet();
  expect(first.code).toBe(0);
  expect(JSON.parse(first.out)).toMatchObject({ status: "COMPLETED", result: { result: "Hello, Ada!" } });

  server.process.out = "";
  server.process.err = "";
  writeFileSync(join(project.path, "worker.ts"), hello.replace("Hello,", "Ahoy,"));
  await server.process.waitForOutput(/worker '.*' of deployment 'dev' serves hello/);
  expect(JSON.parse((await greet()).out)).toMatchObject({ result: { result: "Ahoy, Ada!" } });
});

it("a worker file that is saved with a mistake prints the mistake, and runs again when it is corrected", async () => {
  const file = join(project.path, "worker.ts");
  server.process.err = "";
  writeFileSync(file, hello.replace('workflow({ name: "hello"', 'workflow({ name: "he llo"'));
  await server.process.waitForOutput(/he llo/);
  server.process.out = "";
  server.process.err = "";
  writeFileSync(file, hello);
  await server.process.waitForOutput(/worker '.*' of deployment 'dev' serves hello/);
  expect((await greet()).code).toBe(0);
});

it("the worker ends with its server, even if the server is killed", async () => {
  const data = join(project.path, "other");
  const other = await dev(["--worker", "worker.ts", "--data", data], { cwd: project.path });
  await other.process.waitForOutput(/serves hello/);
  // The worker also holds the write end of the pipes: they close when the last process that holds them has ended.
  expect(await other.process.end("SIGKILL")).toBe("SIGKILL");
});
