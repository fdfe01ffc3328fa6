/** The built wheel alone in an empty folder, against `sirocco dev`: installed by pip and by uv, driven by both official clients. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { BIN, bin, keyPrintedBy, Process, temporaryDirectory } from "../cli/support.ts";
import { type PythonProject, pythonProject } from "../support/python-project.ts";
import { type PythonWorker, whyNoPython } from "../support/python-worker.ts";
import { checkExecution } from "./checks.ts";
import { documented } from "./documents.ts";
import {
  checkHandlers,
  checkHumanInput,
  checkReport,
  checkResults,
  checkStream,
  type Place,
} from "./surface-checks.ts";

const cannotRun = await whyNoPython();
if (cannotRun) console.warn(`Skipping the tests of the Python wheel. ${cannotRun}`);

describe.skipIf(cannotRun)("the wheel in an empty folder", () => {
  const directory = temporaryDirectory();
  const projects: PythonProject[] = [];
  const workers: PythonWorker[] = [];
  let dev: Process;
  let at: Place;
  beforeAll(async () => {
    dev = new Process(process.execPath, [BIN, "dev", "--port", "0"], { cwd: directory.path });
    const [, url] = await dev.waitForOutput(/^SIROCCO_URL=(\S+)\n/m);
    at = { url: url!, key: await keyPrintedBy(dev) };
    projects.push(...(await Promise.all([pythonProject("uv"), pythonProject("pip")])));
  }, 240_000);
  afterAll(async () => {
    await Promise.all(workers.map((worker) => worker.stop()));
    await dev?.end("SIGTERM");
    for (const project of projects) project.remove();
    directory.remove();
  }, 60_000);
  const start = async (project: PythonProject, of: string | { readonly text: string }, deployment: string) => {
    const worker = await project.start(of, { ...at, deployment });
    workers.push(worker);
    return worker;
  };

  test("`uv run python worker.py` registers the documents' report_workflow with its schedule, and runs it", async () => {
    await start(projects[0]!, "report.py", "reports");
    await checkReport(at);
  }, 90_000);

  test("the page's own worker, byte for byte, does what the page says when its commands are typed", async () => {
    const example = documented();
    await start(projects[0]!, { text: example.worker }, example.deployment);
    // Where `sirocco dev` keeps the key; its port is another one here.
    const started = bin(example.start, { cwd: directory.path, env: { SIROCCO_URL: at.url } });
    expect(await started.ended, started.err).toBe(0);
    expect(started.out).toContain("Hello, Ada");
  }, 90_000);

  test("a worker with all kinds of handlers, children, fan-out and continued runs works under uv", async () => {
    await start(projects[0]!, "surface.py", "surface");
    await Promise.all([checkResults(at), checkHandlers(at), checkHumanInput(at), checkStream(at)]);
  }, 120_000);

  test("installed by pip, it serves the official Python client", async () => {
    await start(projects[1]!, "story.py", "py");
    await checkExecution(at);
  }, 120_000);
});
