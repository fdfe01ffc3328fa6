/** A schedule's definition from the command line: a file, flags for the common parts, or both. */
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { type Duration, milliseconds } from "../../../shared/lib/duration.ts";
import { readJson } from "../../../shared/protocol/json-text.ts";
import { type OverlapPolicy, parseInstant, type SpecIssue } from "../../../shared/schedule/rules/index.ts";
import type { Values } from "../../command.ts";
import { type CliError, usage } from "../../errors.ts";
import type { Io } from "../../io.ts";
import { countOf, lengthOf } from "../../length.ts";
import { nearest } from "../../nearest.ts";

export const OVERLAPS = ["skip", "buffer-one", "buffer-all", "cancel-other", "terminate-other", "allow-all"] as const;

export const overlapFlag = {
  overlap: {
    type: "string",
    value: "POLICY",
    help: `what to do while a run is active: ${OVERLAPS.join(", ")}, or 1 to 6`,
  },
} as const;

/** Flags for the times at which the schedule fires. */
export const timeFlags = {
  spec: {
    type: "string",
    value: "FILE|-",
    help: "a whole ScheduleDefinition as JSON, from a file or standard input; other options replace parts of it",
  },
  cron: { type: "string", multiple: true, value: "LINE", help: "a cron line, such as '0 9 * * 1-5'" },
  every: { type: "string", multiple: true, value: "TIME", help: "an interval, such as 20s, 4h or PT4H" },
  offset: { type: "string", value: "TIME", help: "shifts the intervals given with --every" },
  tz: { type: "string", value: "ZONE", help: "time zone, such as Europe/Paris (default UTC)" },
  start: { type: "string", value: "TIME", help: "no run before this, such as 2026-01-31T09:30:00Z" },
  end: { type: "string", value: "TIME", help: "no run after this" },
  jitter: { type: "string", value: "TIME", help: "delays each run by a random time up to this, such as 5m" },
  max: { type: "string", value: "N", help: "start at most N runs" },
} as const;

/** Flags for the policy of a stored schedule. */
export const policyFlags = {
  ...overlapFlag,
  catchup: { type: "string", value: "TIME", help: "after an outage, start runs that were missed within this time" },
  "pause-on-failure": { type: "boolean", help: "pause when a run fails or times out" },
} as const;

type TimeFlags = Values<typeof timeFlags>;
type PolicyFlags = Values<typeof policyFlags>;
export type Spec = Record<string, unknown>;

const KNOWN = [
  "input",
  "calendars",
  "intervals",
  "cron_expressions",
  "skip",
  "start_at",
  "end_at",
  "jitter",
  "time_zone_name",
  "policy",
  "max_executions",
  "schedule_id",
];

/** The definition of `--spec`, with parts replaced by the other flags; not validated yet. */
export async function specOf(flags: TimeFlags, io: Io): Promise<Spec> {
  const spec = flags.spec === undefined ? {} : await readSpec(flags.spec, io);
  return { ...spec, ...timesOf(flags) };
}

function timesOf(flags: TimeFlags): Spec {
  if (flags.offset !== undefined && flags.every.length === 0)
    throw usage("--offset shifts intervals: it needs --every.");
  const offset = flags.offset === undefined ? {} : { offset: durationOf("offset", flags.offset) };
  const intervals = flags.every.map((every) => ({ every: durationOf("every", every), ...offset }));
  return {
    ...(flags.cron.length > 0 && { cron_expressions: flags.cron }),
    ...(intervals.length > 0 && { intervals }),
    ...(flags.tz !== undefined && { time_zone_name: flags.tz }),
    ...(flags.start !== undefined && { start_at: timeOf("start", flags.start) }),
    ...(flags.end !== undefined && { end_at: timeOf("end", flags.end) }),
    ...(flags.jitter !== undefined && { jitter: durationOf("jitter", flags.jitter) }),
    ...(flags.max !== undefined && { max_executions: countOf("max", flags.max) }),
  };
}

/** The policy keys that were given; undefined if none was. */
export function policyOf(flags: PolicyFlags): Spec | undefined {
  const catchup = lengthOf("catchup", flags.catchup);
  const policy = {
    ...(flags.overlap !== undefined && { overlap: overlapOf(flags.overlap) }),
    ...(catchup !== undefined && { catchup_window_seconds: Math.round(catchup / 1000) }),
    ...(flags["pause-on-failure"] && { pause_on_failure: true }),
  };
  return Object.keys(policy).length > 0 ? policy : undefined;
}

export function overlapOf(given: string): OverlapPolicy {
  const word = given.toLowerCase().replaceAll("_", "-");
  const index = (OVERLAPS as readonly string[]).indexOf(word);
  const number = index >= 0 ? index + 1 : Number(given);
  if (Number.isInteger(number) && number >= 1 && number <= OVERLAPS.length) return number as OverlapPolicy;
  throw usage(`--overlap is '${given}': it must be one of ${OVERLAPS.join(", ")}, or 1 to 6.`);
}

/** An ISO 8601 duration. Other texts are read as durations such as 90s or 1h30m; a bare number is in seconds. */
function durationOf(flag: string, given: string): string {
  if (/^P/.test(given)) return given; // checked with the rest of the definition
  try {
    const ms = milliseconds(/^\d+$/.test(given) ? `${Number(given)}s` : (given as Duration), `--${flag}`);
    return isoOf(ms);
  } catch (error) {
    throw usage((error as Error).message);
  }
}

/** The duration in hours, minutes or seconds: the largest unit that divides it. */
function isoOf(ms: number): string {
  if (ms > 0 && ms % 3_600_000 === 0) return `PT${ms / 3_600_000}H`;
  return ms > 0 && ms % 60_000 === 0 ? `PT${ms / 60_000}M` : `PT${ms / 1000}S`;
}

/** A point of time for the API. A time without an offset is in UTC; a date alone means its midnight. */
export function timeOf(flag: string, given: string): string {
  return new Date(instantOf(flag, given)).toISOString();
}

export function instantOf(flag: string, given: string): number {
  const ms = parseInstant(given);
  if (ms === undefined)
    throw usage(`--${flag} is '${given}': it must be a date and time such as 2026-01-31T09:30:00Z.`);
  return ms;
}

async function specText(given: string, io: Io): Promise<string> {
  if (given === "-") return io.stdin();
  try {
    return await readFile(resolve(io.cwd, given), "utf8");
  } catch (error) {
    throw usage(`${given} cannot be read: ${(error as Error).message}`);
  }
}

async function readSpec(given: string, io: Io): Promise<Spec> {
  const where = given === "-" ? "Standard input" : given;
  const read = readJson(await specText(given, io));
  if ("problem" in read) {
    const { type, loc, msg } = read.problem;
    throw usage(type === "json_invalid" ? `${where} is ${msg}` : `${where}, at ${loc.join(".")}: ${msg}`);
  }
  const { value } = read;
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw usage(
      `${where} is not a JSON object: give a ScheduleDefinition, such as {"cron_expressions":["0 9 * * *"]}.`,
    );
  }
  for (const key of Object.keys(value)) warnOf(key, where, io);
  return value as Spec;
}

/** Warns of a key that is close to a known one: as a typing error it would lose a part of the definition. */
function warnOf(key: string, where: string, io: Io): void {
  if (KNOWN.includes(key)) return;
  const near = nearest(key, KNOWN);
  if (near) io.err(`${where} has '${key}', which is not a field of a schedule; did you mean '${near}'?`);
}

/** The error for an invalid definition, one line per problem. */
export function refusedSpec(issues: readonly SpecIssue[]): CliError {
  const [first, ...others] = issues.map(({ msg }) => msg);
  return others.length === 0 ? usage(`Refused: ${first}`) : usage("Refused:", first!, ...others);
}
