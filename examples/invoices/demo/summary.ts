/** The final output of the demo: a timeline, the killed processes, the findings of the audit, and pointers. */
import { spawnSync } from "node:child_process";
import { join, relative } from "node:path";
import type { Services } from "../services.ts";
import type { Finding } from "./audit.ts";
import type { Closed } from "./client.ts";
import { type Display, style } from "./display.ts";
import type { DemoEnvironment } from "./environment.ts";
import { CLI } from "./processes.ts";
import type { Scenario } from "./scenario.ts";

const PLAIN_WIDTH = 110;

/** Shows the history of an interrupted execution, by the command line. */
export function showTimeline(
  environment: DemoEnvironment,
  closed: ReadonlyMap<string, Closed>,
  display: Display,
): void {
  const interruptions = ([, c]: [string, Closed]) => (c.lost.includes("book") ? 100 : 0) + c.lost.length;
  const [execution, { lost }] = [...closed].sort((a, b) => interruptions(b) - interruptions(a))[0]!;
  const env = {
    ...process.env,
    SIROCCO_URL: environment.url,
    SIROCCO_API_KEY: environment.key,
    COLUMNS: String(process.stdout.columns ?? PLAIN_WIDTH),
  };
  const { stdout, stderr } = spawnSync(process.execPath, [CLI, "history", execution], { env, encoding: "utf8" });
  display.line();
  display.line(style("bold", `One ${lost.length > 0 ? "interrupted " : ""}execution: $ sirocco history ${execution}`));
  display.line((stdout || stderr).trimEnd());
}

export function showSummary(p: {
  scenario: Scenario;
  services: Services;
  closed: ReadonlyMap<string, Closed>;
  findings: readonly Finding[];
  display: Display;
}): void {
  const { display, services } = p;
  const lost = [...p.closed.values()].reduce((sum, c) => sum + c.lost.length, 0);
  const repeats = p.scenario.ledger.entries().reduce((sum, entry) => sum + entry.repeats, 0);
  display.line();
  display.line(style("bold", "Killed with SIGKILL"));
  for (const line of p.scenario.killed) display.line(`  ${line}`);
  display.line(
    lost > 0
      ? `  ${count(lost, "attempt of an activity", "attempts of activities")} lost with a worker and repeated by another`
      : "  no lease had to lapse: what the killed worker ran was handed back at once and repeated by another",
  );
  display.line(`  ${count(repeats, "booking", "bookings")} repeated, and recognised by the idempotency key`);
  display.line(
    `  ${services.counts.failed} of ${services.counts.requests} requests to the external services failed and were retried`,
  );
  display.line();
  display.line(style("bold", "Checked"));
  for (const { ok, text } of p.findings)
    display.line(ok ? `  ${style("good", "✔")} ${text}` : `  ${style("bad", "✘")} ${text}`);
}

const count = (n: number, one: string, many: string) => `${n} ${n === 1 ? one : many}`;

export function showNext(directory: string, ownServer: boolean, display: Display): void {
  const here = relative(process.cwd(), directory) || ".";
  const data = `npx sirocco dev --data ${join(here, "data")}`;
  const rows: [string, string][] = [
    ...(ownServer ? [[data, "starts the server again with the same data"] as [string, string]] : []),
    [
      "npx sirocco list",
      ownServer
        ? "in another terminal, with the two lines that the server prints exported; also: get, history"
        : "also: get, history",
    ],
    [here, "ledger.db, the outbox, the logs of all processes"],
    ["examples/invoices/workflow.ts", "the workflow; examples/hello/worker.ts is the smallest one"],
  ];
  const width = Math.max(...rows.map(([left]) => left.length));
  display.line();
  display.line(style("bold", "Where to look next"));
  for (const [left, right] of rows) display.line(`  ${left.padEnd(width)}  ${style("dim", right)}`);
}
