/** The end of the demo: one timeline, what was killed, what was found, where to look next. */
import { spawnSync } from "node:child_process";
import { join, relative } from "node:path";
import type { Services } from "../services.ts";
import type { Finding } from "./audit.ts";
import type { Closed } from "./client.ts";
import type { Crew } from "./crew.ts";
import { type Display, style } from "./display.ts";
import { CLI } from "./processes.ts";
import type { Scenario } from "./scenario.ts";

const PLAIN_WIDTH = 110;

/** Of an execution that was hit, through the command that anybody would use. */
export function showTimeline(crew: Crew, ended: ReadonlyMap<string, Closed>, display: Display): void {
  const hit = ([, c]: [string, Closed]) => (c.lost.includes("book") ? 100 : 0) + c.lost.length;
  const [execution] = [...ended].sort((a, b) => hit(b) - hit(a))[0]!;
  const env = {
    ...process.env,
    SIROCCO_URL: crew.url,
    SIROCCO_API_KEY: crew.key,
    COLUMNS: String(process.stdout.columns ?? PLAIN_WIDTH),
  };
  const { stdout, stderr } = spawnSync(process.execPath, [CLI, "history", execution], { env, encoding: "utf8" });
  display.line();
  display.line(style("bold", `One execution that was hit: $ sirocco history ${execution}`));
  display.line((stdout || stderr).trimEnd());
}

export function showSummary(p: {
  scenario: Scenario;
  services: Services;
  ended: ReadonlyMap<string, Closed>;
  findings: readonly Finding[];
  display: Display;
}): void {
  const { display, services } = p;
  const lost = [...p.ended.values()].reduce((sum, c) => sum + c.lost.length, 0);
  const repeats = p.scenario.ledger.entries().reduce((sum, entry) => sum + entry.repeats, 0);
  display.line();
  display.line(style("bold", "Killed with SIGKILL"));
  for (const line of p.scenario.killed) display.line(`  ${line}`);
  display.line(
    `  ${count(lost, "attempt of an activity", "attempts of activities")} died with a worker and ran again elsewhere`,
  );
  display.line(`  ${count(repeats, "booking", "bookings")} came again and met the entry that was already there`);
  display.line(
    `  ${services.counts.failed} of ${services.counts.requests} requests to the outside world failed and were retried`,
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
    ...(ownServer ? [[data, "the same server again, everything still in it"] as [string, string]] : []),
    [
      "npx sirocco list",
      ownServer ? "in another terminal, with the two lines it prints; also: get, history" : "also: get, history",
    ],
    [here, "ledger.db, the outbox, the logs of all processes"],
    ["examples/invoices/workflow.ts", "the workflow; examples/hello/worker.ts is the smallest one"],
  ];
  const width = Math.max(...rows.map(([left]) => left.length));
  display.line();
  display.line(style("bold", "Where to look next"));
  for (const [left, right] of rows) display.line(`  ${left.padEnd(width)}  ${style("dim", right)}`);
}
