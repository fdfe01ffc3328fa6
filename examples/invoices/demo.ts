/**
 * The demo: a server and two workers process 36 invoices while the demo kills two of these processes. Run it with
 * `npm run demo`.
 *
 * Server and workers are separate processes. The official client starts the executions; the demo kills a worker and later the
 * server with SIGKILL; at the end it compares ledger, outbox and event stream with the expected results.
 * In a terminal, or with `--open-console`, the server stays afterwards and the demo prints the console's address.
 * `--target URL` (key in SIROCCO_API_KEY) uses a running server. `--target aws` uses the stack in the AWS emulator, and starts
 * and deploys it if necessary. With a target the demo kills only the worker.
 * `--worker python` runs the activities in Python, with the official SDK, and the workflow in a worker of its own.
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import * as audit from "./demo/audit.ts";
import { casesOf } from "./demo/cases.ts";
import { freshDirectory } from "./demo/directory.ts";
import { Display, style } from "./demo/display.ts";
import { DemoEnvironment } from "./demo/environment.ts";
import { NoPython, pythonFor } from "./demo/python.ts";
import { Scenario } from "./demo/scenario.ts";
import { showNext, showSummary, showTimeline } from "./demo/summary.ts";

const WAIT_LIMIT_MS = 45_000;
/** A server that the demo did not start has leases of 30 s and may be far away. */
const WAIT_LIMIT_WITH_TARGET_MS = 150_000;

const {
  target,
  worker,
  "open-console": openConsole = process.stdout.isTTY && process.stdin.isTTY,
} = parseArgs({
  options: { target: { type: "string" }, worker: { type: "string" }, "open-console": { type: "boolean" } },
}).values;
const tag = target === undefined ? "" : `-${Date.now().toString(36)}`;
const cases = casesOf(tag);
const directory = freshDirectory();
let environment: DemoEnvironment | undefined;
let scenario: Scenario | undefined;
const display = new Display(() => scenario?.progress() ?? { done: 0, total: cases.length, note: "starting" });

async function main(): Promise<boolean> {
  const python = await pythonFor(worker, (text) => display.line(text));
  display.begin();
  environment = await DemoEnvironment.start({
    directory,
    deployment: `invoices${tag}`,
    target,
    python,
    print: (text) => display.line(text),
  });
  const killServer = target === undefined;
  const waitLimitMs = target === undefined ? WAIT_LIMIT_MS : WAIT_LIMIT_WITH_TARGET_MS;
  scenario = new Scenario({ environment, cases, directory, display, killServer, waitLimitMs });
  const closed = await scenario.run();
  const findings = [
    audit.auditExecutions(cases, closed),
    audit.auditLedger(scenario.ledger, cases),
    audit.auditTreasury(environment.services.notified, cases),
    audit.auditOutbox(join(directory, "outbox"), cases),
    await audit.auditStream(environment.client.mistral, scenario.watcher, cases),
  ];
  showTimeline(environment, closed, display);
  showSummary({ scenario, services: environment.services, closed, findings, display });
  return findings.every((finding) => finding.ok);
}

/** Until Ctrl-C, so that a person can look at what has just happened. */
function keepServer({ url, key }: DemoEnvironment): Promise<void> {
  display.line();
  display.line(`The server goes on until Ctrl-C. The console: ${style("bold", `${url}/console/#key=${key}`)}`);
  return new Promise((resolve) => {
    for (const signal of SIGNALS) process.off(signal, exit).once(signal, () => resolve());
  });
}

const SIGNALS = ["SIGINT", "SIGTERM"] as const;
const exit = () => process.exit(130);
for (const signal of SIGNALS) process.on(signal, exit);
try {
  const ok = await main();
  process.exitCode = ok ? 0 : 1;
  const took = `${display.seconds.toFixed(1)} s in all`;
  display.line();
  if (ok) display.line(style("bold", `All checks passed: no work was lost and none was done twice. ${took}.`));
  else display.line(style("bad", `At least one check failed, see above. ${took}; the logs are in ${directory}.`));
  showNext(directory, target === undefined, display);
  if (openConsole && environment && target === undefined) await keepServer(environment);
} catch (error) {
  display.end();
  display.line(style("bad", `The demo failed: ${(error as Error).message}`));
  if (!(error instanceof NoPython)) display.line(`The logs of all processes are in ${directory}.`);
  process.exitCode = 1;
} finally {
  scenario?.end();
  await environment?.stop();
  process.exit(); // open connections must not keep the process alive
}
