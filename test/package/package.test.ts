/** The SDK as users get it: packed, installed into an empty project, and every example of the documentation in it. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync } from "node:fs";
import { join, relative } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startServer } from "../../cli/server/index.ts";
import { createKey, DEFAULT_WORKSPACE } from "../../shared/api/index.ts";
import { VERSION } from "../../shared/protocol/version.ts";
import { embedded } from "../../shared/server/embedded.ts";
import { documentation } from "./examples.ts";
import { PACKING_MS, type Project, project } from "./project.ts";

const examples = documentation();
let p: Project;
beforeAll(async () => {
  p = await project(["sdk"]);
  for (const { file, text } of examples) p.write(file, text);
  mkdirSync(join(p.path, "node_modules/@opentelemetry"), { recursive: true }); // an optional peer
  const peer = "node_modules/@opentelemetry/api";
  if (!existsSync(join(p.path, peer))) symlinkSync(new URL(`../../${peer}`, import.meta.url), join(p.path, peer));
}, PACKING_MS);
afterAll(() => p.remove());

const EMITTED = {
  noEmit: false,
  allowImportingTsExtensions: false,
  target: "es2022",
  lib: ["es2024", "esnext.disposable"],
};

const files = (folder: string) =>
  readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((file) => statSync(join(folder, file)).isFile());

test("the package holds built code, declarations, licence and readme, and nothing of this machine", () => {
  const found = files(p.installed("sdk"));
  expect(found).toEqual(expect.arrayContaining(["LICENSE", "README.md", "dist/index.js", "dist/testing/index.js"]));
  expect(found.filter((file) => file.endsWith(".ts") && !file.endsWith(".d.ts"))).toEqual([]);
  expect(found.filter((file) => !/^(dist\/.*(\.js|\.d\.ts)|package\.json|README\.md|LICENSE)$/.test(file))).toEqual([]);
  const here = new URL("../..", import.meta.url).pathname;
  const telling = found.filter((file) => /\/(home|root|tmp|Users)\//.test(text(file)) || text(file).includes(here));
  expect(telling).toEqual([]);
});

const text = (file: string) => readFileSync(join(p.installed("sdk"), file), "utf8");
const manifest = (folder: string) => JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));

test("its manifest points at what was built, and says the version that workers report", () => {
  const { exports, engines, license, version, dependencies, type } = manifest(p.installed("sdk"));
  for (const entry of Object.values<{ types: string; default: string }>(exports)) {
    expect(files(p.installed("sdk"))).toEqual(
      expect.arrayContaining([relative(".", entry.types), relative(".", entry.default)]),
    );
  }
  expect({ engines, license, version, type }).toEqual({
    engines: { node: ">=22.18" },
    license: "Apache-2.0",
    version: VERSION,
    type: "module",
  });
  expect(Object.keys(dependencies).toSorted()).toEqual(["@cfworker/json-schema", "zod"]);
});

test("packing leaves the manifest pointing at the sources, as it was", () => {
  const here = manifest(new URL("../../sdk", import.meta.url).pathname);
  expect(here.exports).toEqual({
    ".": "./index.ts",
    "./testing": "./testing/index.ts",
    "./encoding": "./encoding/index.ts",
    "./forms": "./forms/index.ts",
    "./client": "./client/index.ts",
  });
  expect(manifest(join(p.packedFrom, "sdk"))).toEqual(here);
  expect(readdirSync(join(p.packedFrom, "sdk"))).not.toContain("LICENSE");
});

test("every example of the documentation fits the published types", async () => {
  expect(examples.length).toBeGreaterThan(20);
  expect(await p.check()).toBe("");
});

test("the declarations are complete by themselves", async () => {
  p.write(
    "alone/index.ts",
    `import * as sdk from "@sirocco/sdk";\nimport * as testing from "@sirocco/sdk/testing";\nimport * as encoding from "@sirocco/sdk/encoding";\nimport * as forms from "@sirocco/sdk/forms";\nimport * as client from "@sirocco/sdk/client";\nexport { client, encoding, forms, sdk, testing };\n`,
  );
  expect(await p.check({ skipLibCheck: false, include: ["alone"] })).toBe("");
});

const COMMON_JS = `import { activity, workflow } from "@sirocco/sdk";
import { testEnvironment } from "@sirocco/sdk/testing";

const roll = activity({ name: "roll" }, () => 3);
const sum = workflow({ name: "sum" }, async () => ({ sum: (await roll()) + (await roll()) }));

async function main(): Promise<void> {
  await using env = await testEnvironment({ workflows: [sum], activities: [roll] });
  const run = await env.start(sum, {});
  console.log(JSON.stringify(await run.result()));
}
void main();
`;

test("a CommonJS project compiles against its types, and runs with `require`", async () => {
  p.write("common/package.json", JSON.stringify({ name: "common", type: "commonjs" }));
  p.write("common/main.ts", COMMON_JS);
  expect(await p.check({ include: ["common"], verbatimModuleSyntax: false })).toBe("");
  const tsc = join(new URL("../..", import.meta.url).pathname, "node_modules/typescript/bin/tsc");
  p.write(
    "common/tsconfig.json",
    JSON.stringify({ extends: "../tsconfig.json", compilerOptions: EMITTED, include: ["."] }),
  );
  expect((await p.node(tsc, "-p", "common")).output).toBe("");
  expect(p.read("common/main.js")).toContain('require("@sirocco/sdk")');
  const { code, output } = await p.node("--no-warnings", "common/main.js");
  expect({ code, output }).toEqual({ code: 0, output: '{"sum":6}\n' });
});

test.each([
  "",
  "/testing",
  "/encoding",
  "/forms",
])("under an older Node, @sirocco/sdk%s says in a sentence what to do", async (entry) => {
  const disguise = `Object.defineProperties(process, {
    versions: { value: { ...process.versions, node: "20.19.5" } }, version: { value: "v20.19.5" } })`;
  const imports = `data:text/javascript,${encodeURIComponent(disguise)}`;
  const { code, output } = await p.node("--import", imports, "-e", `require("@sirocco/sdk${entry}")`);
  expect(code).toBe(1);
  expect(output).toContain(
    "Error: @sirocco/sdk needs Node.js 22.18 or later, and this is v20.19.5: install Node.js 24 from https://nodejs.org and run the program again.",
  );
});

test("no module of the package imports by name what Node 20 lacks, so that it can say so", () => {
  const scripts = files(p.installed("sdk")).filter((file) => file.endsWith(".js"));
  expect(scripts.filter((file) => /from "node:(?:sqlite|zlib)"/.test(text(file)))).toEqual([]);
  expect(scripts.filter((file) => text(file).includes('getBuiltinModule("node:sqlite")'))).not.toEqual([]);
});

test("the tests in the documentation pass under plain Node", async () => {
  const tests = examples.map(({ file }) => file).filter((file) => file.endsWith(".test.ts"));
  expect(tests.length).toBeGreaterThan(2);
  const { code, output } = await p.node("--test", ...tests);
  expect(code, output).toBe(0);
}, 120_000);

test("the first worker of the README runs against a server, as written", async () => {
  const ports = embedded();
  const server = await startServer({ ports, version: "0", port: 0 });
  const stop = ports.maintain(100);
  const { key } = await createKey(ports, { workspace: DEFAULT_WORKSPACE, name: "reader" });
  const worker = spawn(process.execPath, ["readme/my-worker.ts"], {
    cwd: p.path,
    env: { ...process.env, SIROCCO_URL: server.url, SIROCCO_API_KEY: key, DEPLOYMENT_NAME: "games" },
  });
  try {
    await printed(worker, "serves game");
    const headers = { authorization: `Bearer ${key}`, "content-type": "application/json" };
    const body = JSON.stringify({ execution_id: "my-game" });
    const begun = await fetch(`${server.url}/v1/workflows/game/execute`, { method: "POST", headers, body });
    expect(await begun.json()).toMatchObject({ status: "RUNNING" });
    const history = `${server.url}/v1/workflows/executions/my-game/history`;
    await expect
      .poll(async () =>
        ((await (await fetch(history, { headers })).json()) as { events: { kind: string }[] }).events.map(
          (e) => e.kind,
        ),
      )
      .toEqual(["execution_started", "activity_scheduled", "activity_completed", "timer_started"]);
    worker.kill("SIGTERM");
    const [code] = await once(worker, "exit");
    expect(code).toBe(0);
  } finally {
    worker.kill("SIGKILL");
    stop();
    await server.close();
    ports.close();
  }
});

/** Resolves when the process has printed this text. */
function printed(child: ChildProcess, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    let output = "";
    const append = (chunk: Buffer) => {
      output += chunk;
      if (output.includes(text)) resolve();
    };
    child.stdout?.on("data", append);
    child.stderr?.on("data", append);
    child.once("exit", (code) => reject(new Error(`the process exited with ${code} and had printed: ${output}`)));
  });
}
