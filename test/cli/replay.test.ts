/** `sirocco replay`: the program of a worker, as a process, replays what the executions of a server have recorded. */
import { randomBytes } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { activity } from "../../sdk/activity.ts";
import { sleep } from "../../sdk/runtime/sleep.ts";
import { startWorker } from "../../sdk/worker/run.ts";
import { child } from "../../sdk/workflow/children.ts";
import { executionInfo } from "../../sdk/workflow/commands.ts";
import { workflow } from "../../sdk/workflow/define.ts";
import { preparePython, spawnPythonWorker, whyNoPython, workerFile } from "../support/python-worker.ts";
import { QUIET, type TestServer, testServer } from "../support/test-server.ts";
import { cli, type Ran, temporaryDirectory } from "./support.ts";

const sdk = new URL("../../sdk/index.ts", import.meta.url).href;
const secret = randomBytes(32).toString("hex");

const charge = activity({ name: "charge" }, () => ({ receipt: "r-1" }));
const order = workflow({ name: "order" }, async ({ wait }: { wait?: boolean }) => {
  await charge();
  if (wait) await sleep("1d");
  return "done";
});
const leaf = workflow({ name: "leaf" }, async () => "leaf");
/** The id of a child is made of the execution's own id. */
const branch = workflow({ name: "branch" }, async () => child(leaf, {}, { id: `${executionInfo().execution}-leaf` }));
const tree = workflow({ name: "tree" }, async () => child(branch, {}, { id: "branch-1" }));
const gone = workflow({ name: "gone" }, async () => "gone");
const sealed = workflow({ name: "sealed" }, async ({ times }: { times?: number }) => {
  for (let i = 0; i < times!; i++) await charge();
});

let at: TestServer;
let directory: ReturnType<typeof temporaryDirectory>;
beforeAll(async () => {
  at = await testServer();
  directory = temporaryDirectory();
  const options = { deployment: "shop", url: at.url, apiKey: at.key, log: QUIET };
  const worker = await startWorker({
    ...options,
    workflows: [order, leaf, branch, tree, gone],
    activities: [charge],
  });
  const encryption = { mode: "full", key: secret } as const;
  const other = { ...options, deployment: "vault", encoding: { encryption } };
  const vault = await startWorker({ ...other, workflows: [sealed], activities: [charge] });
  await run(["start", "order", "--id", "closed-1", "--wait"]);
  await run(["start", "order", "--id", "closed-2", "--wait"]);
  await run(["start", "order", "--id", "waiting-1", "--input", '{"wait":true}']);
  await run(["start", "tree", "--id", "tree-1", "--wait"]);
  await run(["start", "gone", "--id", "gone-1", "--wait"]);
  const key = { SIROCCO_PAYLOAD_KEY: secret };
  await run(["start", "sealed", "--id", "sealed-1", "--wait", "--input", '{"times":2}'], key);
  await Promise.all([worker.stop(), vault.stop()]);
}, 60_000);
afterAll(async () => {
  await at?.close();
  directory?.remove();
});

const run = (argv: readonly string[], env: Record<string, string> = {}): Promise<Ran> =>
  cli(argv, { env: { SIROCCO_URL: at.url, SIROCCO_API_KEY: at.key, ...env }, cwd: directory.path });

/** Writes the program of a worker, with these definitions, `workflows` and `activities` among them. */
function program(name: string, definitions: string, options = "workflows, activities"): string {
  const imports = "activity, child, executionInfo, log, runWorker, sleep, workflow";
  writeFileSync(
    join(directory.path, name),
    `import { ${imports} } from ${JSON.stringify(sdk)};\n${definitions}\nawait runWorker({ ${options} });\n`,
  );
  return name;
}

const SHOP = `
const charge = activity({ name: "charge" }, () => { throw new Error("an activity runs in a replay"); });
const order = workflow({ name: "order" }, async ({ wait }: { wait?: boolean }) => {
  log.info("a line of workflow code");
  await charge();
  if (wait) await sleep("1d");
  return "done";
});
const leaf = workflow({ name: "leaf" }, async () => "leaf");
const branch = workflow({ name: "branch" }, async () => child(leaf, {}, { id: executionInfo().execution + "-leaf" }));
const tree = workflow({ name: "tree" }, async () => child(branch, {}, { id: "branch-1" }));
const workflows = [order, leaf, branch, tree];
const activities = [charge];
`;
const CHANGED = SHOP.replace("await charge();", 'await sleep("1s");\n  await charge();');

test("code that decides what was recorded fits, and a workflow that the program does not have is told", async () => {
  const worker = program("same.ts", SHOP);
  const { code, out, err } = await run(["replay", "--since", "7d", "--deployment", "shop", "--worker", worker]);
  expect([out, code]).toEqual(["6 executions replayed, all fit same.ts", 0]);
  expect(err).toBe("same.ts has no workflow 'gone': 1 execution of it left out");
  expect(readdirSync(tmpdir()).filter((name) => name.startsWith("sirocco-replay-"))).toEqual([]);
});

test("the first difference of changed code is named to the step, and the exit code is 1", async () => {
  const worker = program("changed.ts", CHANGED);
  const { code, out, err } = await run(["replay", "--deployment", "shop", "--worker", worker]);
  expect(out.split("\n")).toEqual([
    "order: step 1, event 2: recorded activity_scheduled (activity 1, name charge), the code decided timer_started (timer 1)",
    "  waiting-1, closed-2, closed-1",
  ]);
  expect(code).toBe(1);
  expect(err).toContain("3 of 6 executions do not fit changed.ts");
  const json = await run(["replay", "--workflow", "order", "--limit", "1", "--worker", worker, "--json"]);
  expect(json.code).toBe(1);
  expect(JSON.parse(json.out)).toMatchObject({
    replayed: 1,
    failed: 1,
    skipped: [],
    more: true,
    failures: [{ execution_id: "waiting-1", workflow_name: "order", divergence: { step: 1, event: 2 } }],
  });
});

test("an execution that still runs counts whenever it began, and --status chooses others", async () => {
  const worker = program("same.ts", SHOP);
  const count = async (...args: string[]) => {
    const { out } = await run(["replay", "--workflow", "order", "--worker", worker, "--json", ...args]);
    return (JSON.parse(out) as { replayed: number }).replayed;
  };
  expect(await count("--since", "1ms")).toBe(1);
  expect(await count("--status", "running", "--since", "1ms")).toBe(1);
  expect(await count("--status", "completed", "--since", "1h")).toBe(2);
  expect(await count("--status", "completed", "--status", "running", "--since", "1h")).toBe(3);
  const none = await run(["replay", "--workflow", "nothing", "--worker", worker]);
  expect([none.code, none.err]).toEqual([0, "No executions match: nothing was replayed."]);
});

test("a check that could check nothing is none: the program has none of the workflows", async () => {
  const other = program(
    "other.ts",
    'const workflows = [workflow({ name: "another" }, async () => null)]; const activities = [];',
  );
  const { code, err } = await run(["replay", "--workflow", "order", "--worker", other]);
  expect([code, err]).toEqual([
    1,
    expect.stringContaining("Nothing was replayed: other.ts has none of these workflows"),
  ]);
});

test("encoded payloads are decoded by the program with its own keys, and reach the disk as they are stored", async () => {
  const of = (key: string) => `
const charge = activity({ name: "charge" }, () => null);
const workflows = [workflow({ name: "sealed" }, async ({ times }: { times?: number }) => {
  for (let i = 0; i < times!; i++) await charge();
})];
const activities = [charge];
const encoding = { encryption: { mode: "full", key: "${key}" } } as const;`;
  const options = "workflows, activities, encoding";
  const fits = program("vault.ts", of(secret), options);
  expect(await run(["replay", "--workflow", "sealed", "--worker", fits])).toMatchObject({ code: 0 });
  const wrong = program("wrong.ts", of(randomBytes(32).toString("hex")), options);
  const refused = await run(["replay", "--workflow", "sealed", "--worker", wrong]);
  expect([refused.code, refused.out]).toEqual([1, expect.stringContaining("cannot be decoded")]);
});

test("a program that is no worker, ends early or does not exist is a sentence, and what it printed is shown", async () => {
  const replay = (worker: string) => run(["replay", "--workflow", "order", "--worker", worker]);
  expect(await replay("none.ts")).toMatchObject({ code: 2, err: expect.stringContaining("there is no such file") });
  expect(await run(["replay"])).toMatchObject({ code: 2, err: expect.stringContaining("needs --worker FILE") });
  writeFileSync(join(directory.path, "idle.ts"), 'console.log("hello");');
  const idle = await replay("idle.ts");
  expect([idle.code, idle.err]).toEqual([1, expect.stringMatching(/^hello\n.*idle\.ts ended before[\s\S]*runWorker/)]);
  writeFileSync(join(directory.path, "broken.ts"), 'throw new Error("no database here");');
  const broken = await replay("broken.ts");
  expect([broken.code, broken.err]).toEqual([
    1,
    expect.stringMatching(/no database here[\s\S]*ended with exit code 1/),
  ]);
});

const cannotRun = await whyNoPython();
test.skipIf(cannotRun)(
  "the program of a Python worker replays as those of TypeScript do",
  async () => {
    const python = await preparePython();
    const file = workerFile("surface.py");
    const worker = await spawnPythonWorker(file, { url: at.url, key: at.key, deployment: "python" });
    await worker.says("Starting Temporal worker");
    expect(await run(["start", "dice", "--id", "dice-1", "--wait"])).toMatchObject({ code: 0 });
    await worker.stop();
    const env = {
      SIROCCO_PYTHON: python,
      PATH: process.env.PATH!,
      HOME: process.env.HOME!,
      SIROCCO_NODE: process.execPath,
    };
    const same = await run(["replay", "--deployment", "python", "--worker", file, "--json"], env);
    expect([same.code, same.err]).toEqual([0, ""]);
    expect(JSON.parse(same.out)).toMatchObject({ replayed: 1, failed: 0 });
    const code = readFileSync(file, "utf8").replace("seen = [str(workflow.uuid4()), ", "$&str(await double(1)), ");
    writeFileSync(join(directory.path, "changed.py"), code);
    const changed = await run(["replay", "--deployment", "python", "--worker", "changed.py"], env);
    expect([changed.code, changed.out]).toEqual([1, expect.stringMatching(/^dice: step 1, event 2: recorded patched/)]);
  },
  240_000,
);
