/** The cost of an idle month of an installation, from its template and the measured units of one empty sweep. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { install } from "../test/aws/account.ts";
import { round } from "./harness.ts";
import { LAMBDA_MS, lambdaDollars, PRICES } from "./prices.ts";

const MONTH_MINUTES = 30 * 24 * 60;
/** Lambda keeps five long polls of 20 s each on a queue that invokes a function. */
const POLLS_PER_MINUTE = 5 * 3;
/** Custom metrics that an empty sweep writes: DynamoDB calls and read units. */
const SWEEP_METRICS = 2;
/** Bytes that Lambda and the handler log for one sweep: an assumption. */
const SWEEP_LOG_BYTES = 1_200;

interface Resource {
  readonly Type: string;
  readonly Properties?: Record<string, unknown>;
}

export async function idle() {
  const resources = synthesized();
  const count = (type: string, having = "") =>
    resources.filter((r) => r.Type === type && JSON.stringify(r.Properties ?? {}).includes(having)).length;
  const alarms = count("AWS::CloudWatch::Alarm");
  const sources = count("AWS::Lambda::EventSourceMapping") - count("AWS::Lambda::EventSourceMapping", "StreamArn");
  const sweeps = count("AWS::Events::Rule", "rate(1 minute)") * MONTH_MINUTES;
  const polls = sources * POLLS_PER_MINUTE * MONTH_MINUTES;
  const { reads, writes } = await emptySweep();
  const { perMillion, perMonth } = PRICES;
  const rows = [
    { what: "alarms", count: alarms, dollars: alarms * perMonth.alarm },
    { what: "SQS: polls by Lambda", count: polls, dollars: (polls * perMillion.sqsRequest) / 1e6 },
    { what: "sweeper: invocations", count: sweeps, dollars: lambdaDollars(sweeps, LAMBDA_MS.sweeper) },
    { what: "sweeper: read units", count: sweeps * reads, dollars: (sweeps * reads * perMillion.dynamoReadUnit) / 1e6 },
    {
      what: "sweeper: write units",
      count: sweeps * writes,
      dollars: (sweeps * writes * perMillion.dynamoWriteUnit) / 1e6,
    },
    { what: "custom metrics", count: SWEEP_METRICS, dollars: SWEEP_METRICS * perMonth.customMetric },
    {
      what: "logs, MB",
      count: round((sweeps * SWEEP_LOG_BYTES) / 1e6, 0),
      dollars: ((sweeps * SWEEP_LOG_BYTES) / 1e9) * PRICES.logIngestion,
    },
  ];
  const total = rows.reduce((sum, row) => sum + row.dollars, 0);
  return {
    rows: rows.map((row) => ({ ...row, dollars: round(row.dollars, 2) })),
    "dollars a month": round(total, 2),
  };
}

function synthesized(): Resource[] {
  const out = mkdtempSync(path.join(tmpdir(), "sirocco-idle-"));
  try {
    execFileSync("npx", ["cdk", "synth", "--quiet", "--output", out], { stdio: "pipe" });
    const file = readdirSync(out).find((name) => name.endsWith(".template.json"))!;
    const template = JSON.parse(readFileSync(path.join(out, file), "utf8")) as { Resources: Record<string, Resource> };
    return Object.values(template.Resources);
  } finally {
    rmSync(out, { recursive: true });
  }
}

async function emptySweep() {
  const on = await install({ feed: false });
  const ports = on.adapter();
  ports.clients.meter.take();
  await ports.sweep(60_000, Date.now() + 50_000);
  const used = ports.clients.meter.take();
  await on.end();
  return { reads: used.readUnits, writes: used.writeUnits };
}
