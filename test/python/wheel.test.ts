/** The built wheel alone in an empty folder, against `sirocco dev`: installed by pip and by uv, driven by both official clients. */
import { afterAll, beforeAll, describe, test } from "vitest";
import { BIN, keyPrintedBy, Process, temporaryDirectory } from "../cli/support.ts";
import { type PythonProject, pythonProject } from "../support/python-project.ts";
import { type PythonWorker, whyNoPython } from "../support/python-worker.ts";
import { checkExecution } from "./checks.ts";
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
  const start = async (project: PythonProject, file: string, deployment: string) => {
    const worker = await project.start(file, { ...at, deployment });
    workers.push(worker);
    return worker;
  };

  test("`uv run python worker.py` registers the documents' report_workflow with its schedule, and runs it", async () => {
    await start(projects[0]!, "report.py", "reports");
    await checkReport(at);
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
