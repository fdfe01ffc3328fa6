/**
 * The demo: a server, two workers, 36 invoices, and two murders. Run it with `npm run demo`.
 *
 * Everything is a process of its own. The invoices go in through the official client; a worker and later the server are
 * killed with SIGKILL in the middle; in the end ledger, outbox and event stream are compared with what should be there.
 * `--target URL` (key in SIROCCO_API_KEY) uses a server that runs already, `--target aws` the stack in the AWS emulator,
 * which it starts and deploys if need be; then only the worker is killed.
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import * as audit from "./demo/audit.ts";
import { casesOf } from "./demo/cases.ts";
import { Crew } from "./demo/crew.ts";
import { freshDirectory } from "./demo/directory.ts";
import { Display, style } from "./demo/display.ts";
import { Scenario } from "./demo/scenario.ts";
import { showNext, showSummary, showTimeline } from "./demo/summary.ts";

const PATIENCE_MS = 45_000;
/** Somebody else's server has leases of half a minute, and may be far away. */
const PATIENCE_WITH_TARGET_MS = 150_000;

const { target } = parseArgs({ options: { target: { type: "string" } } }).values;
const tag = target === undefined ? "" : `-${Date.now().toString(36)}`;
const cases = casesOf(tag);
const directory = freshDirectory();
let crew: Crew | undefined;
let scenario: Scenario | undefined;
const display = new Display(() => scenario?.progress() ?? { done: 0, total: cases.length, note: "starting" });

async function main(): Promise<boolean> {
  display.begin();
  crew = await Crew.gather({
    directory,
    deployment: `invoices${tag}`,
    target,
    say: (text) => display.line(text),
  });
  const patienceMs = target === undefined ? PATIENCE_MS : PATIENCE_WITH_TARGET_MS;
  scenario = new Scenario({ crew, cases, directory, display, killServer: target === undefined, patienceMs });
  const ended = await scenario.run();
  const findings = [
    audit.auditExecutions(cases, ended),
    audit.auditLedger(scenario.ledger, cases),
    audit.auditTreasury(crew.services.told, cases),
    audit.auditOutbox(join(directory, "outbox"), cases),
    await audit.auditStream(crew.client.mistral, scenario.watcher, cases),
  ];
  showTimeline(crew, ended, display);
  showSummary({ scenario, services: crew.services, ended, findings, display });
  return findings.every((finding) => finding.ok);
}

for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => process.exit(130));
try {
  const ok = await main();
  process.exitCode = ok ? 0 : 1;
  const took = `${display.seconds.toFixed(1)} s in all`;
  display.line();
  if (ok) display.line(style("bold", `Nothing was lost and nothing was done twice. ${took}.`));
  else display.line(style("bad", `Something is off, see above. ${took}; the logs are in ${directory}.`));
  showNext(directory, target === undefined, display);
} catch (error) {
  display.end();
  display.line(style("bad", `The demo failed: ${(error as Error).message}`));
  display.line(`The logs of all processes are in ${directory}.`);
  process.exitCode = 1;
} finally {
  scenario?.end();
  await crew?.dismiss();
  process.exit(); // whatever else is still open belongs to nobody any more
}
