/** The first quarter of an hour: a project of one's own, one worker file, `sirocco dev --worker`, a change, a result. */
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

it("the smallest example runs in a project of its own, and a saved change is served without a restart by hand", async () => {
  await server.process.saw(/worker '.*' of deployment 'dev' serves hello/);
  const first = await greet();
  expect(first.code).toBe(0);
  expect(JSON.parse(first.out)).toMatchObject({ status: "COMPLETED", result: { result: "Hello, Ada!" } });

  server.process.out = "";
  server.process.err = "";
  writeFileSync(join(project.path, "worker.ts"), hello.replace("Hello,", "Ahoy,"));
  await server.process.saw(/worker '.*' of deployment 'dev' serves hello/);
  expect(JSON.parse((await greet()).out)).toMatchObject({ result: { result: "Ahoy, Ada!" } });
});

it("a worker that is saved with a mistake says what it is, and comes back when it is mended", async () => {
  const file = join(project.path, "worker.ts");
  server.process.err = "";
  writeFileSync(file, hello.replace('workflow({ name: "hello"', 'workflow({ name: "he llo"'));
  await server.process.saw(/he llo/);
  server.process.out = "";
  server.process.err = "";
  writeFileSync(file, hello);
  await server.process.saw(/worker '.*' of deployment 'dev' serves hello/);
  expect((await greet()).code).toBe(0);
});

it("the worker ends with its server, also with one that is killed", async () => {
  const data = join(project.path, "other");
  const other = await dev(["--worker", "worker.ts", "--data", data], { cwd: project.path });
  await other.process.saw(/serves hello/);
  // The worker holds the write end of our pipes: they close when the last of them is gone.
  expect(await other.process.end("SIGKILL")).toBe("SIGKILL");
});
