/** Compiles a definition of valid shape to tables for the search. Checks all rules about values; each has its own issue. */

import { type CompiledCalendar, compileCalendar } from "./calendar.ts";
import { parseInstant } from "./civil.ts";
import { compileCalendars, isImpossible, whyImpossible } from "./compile-calendars.ts";
import { parseCron } from "./cron.ts";
import type { Calendar } from "./definition.ts";
import { parseIsoDuration } from "./duration.ts";
import { type CompiledInterval, parseInterval } from "./interval.ts";
import { issue, type SpecIssue } from "./issues.ts";
import type { CompiledSpec } from "./times.ts";
import { similarZone, type Zone, zoneNamed } from "./zone.ts";

type Loc = (string | number)[];

/** The parts of a definition that say when runs are due. */
export interface SpecSource {
  readonly calendars?: readonly Calendar[] | null | undefined;
  readonly intervals?:
    | readonly { readonly every: string; readonly offset?: string | null | undefined }[]
    | null
    | undefined;
  readonly cron_expressions?: readonly string[] | null | undefined;
  readonly skip?: readonly Calendar[] | null | undefined;
  readonly start_at?: string | null | undefined;
  readonly end_at?: string | null | undefined;
  readonly jitter?: string | null | undefined;
  readonly time_zone_name?: string | null | undefined;
}

/** Use the spec only if there are no issues: it holds only the parts that compiled. */
export function compile(definition: SpecSource): { readonly spec: CompiledSpec; readonly issues: SpecIssue[] } {
  const issues: SpecIssue[] = [];
  const calendars = compileCalendars("calendars", definition.calendars ?? [], issues);
  const skip = compileCalendars("skip", definition.skip ?? [], issues);
  const intervals: CompiledInterval[] = [];
  for (const [index, { every, offset }] of (definition.intervals ?? []).entries()) {
    const read = parseInterval(every, offset);
    if ("interval" in read) intervals.push(read.interval);
    else {
      const value = read.member === "every" ? every : offset;
      issues.push(issue(["intervals", index, read.member], value, read.problem));
    }
  }
  const cron = compileCron(definition.cron_expressions ?? [], issues);
  return {
    spec: {
      zone: compileZone(definition.time_zone_name ?? undefined, cron.zones, issues),
      calendars: [...calendars, ...cron.calendars],
      intervals: [...intervals, ...cron.intervals],
      skip,
      startAtMs: compileInstant("start_at", definition.start_at, issues),
      endAtMs: compileInstant("end_at", definition.end_at, issues),
      jitterMs: compileJitter(definition.jitter, issues),
    },
    issues,
  };
}

function compileCron(expressions: readonly string[], issues: SpecIssue[]) {
  const calendars: CompiledCalendar[] = [];
  const intervals: CompiledInterval[] = [];
  const zones: CronZone[] = [];
  for (const [index, text] of expressions.entries()) {
    const source = parseCron(text);
    const loc: Loc = ["cron_expressions", index];
    if ("problem" in source) {
      issues.push(issue(loc, text, source.problem));
      continue;
    }
    zones.push({ index, text, zone: source.zone });
    if ("interval" in source) {
      intervals.push(source.interval);
      continue;
    }
    const calendar = compileCalendar(source.values);
    if (isImpossible(source.values, calendar)) issues.push(issue(loc, text, whyImpossible(source.values)));
    else calendars.push(calendar);
  }
  return { calendars, intervals, zones };
}

interface CronZone {
  readonly index: number;
  readonly text: string;
  readonly zone: string | undefined;
}

/** The zone is the whole spec's, so the expressions must agree with each other and with `time_zone_name`. */
function compileZone(named: string | undefined, cron: readonly CronZone[], issues: SpecIssue[]): Zone {
  const [first] = cron;
  const other = cron.find(({ zone }) => zone !== first?.zone);
  if (first && other) {
    const zoneText = ({ index, zone }: CronZone) =>
      `cron_expressions[${index}] ${zone ? `names ${zone}` : "names none"}`;
    const rule = `a schedule has one zone, but ${zoneText(first)} and ${zoneText(other)}; allowed is the same CRON_TZ in all, or none and time_zone_name (@every names none)`;
    issues.push(issue(["cron_expressions", other.index], other.text, rule));
  } else if (first?.zone !== undefined && named !== undefined && named !== first.zone) {
    const rule = `cron_expressions name the zone ${first.zone}; allowed is the same zone, or to leave one of the two out`;
    issues.push(issue(["time_zone_name"], named, rule));
  }
  const inField = named === undefined ? undefined : zoneNamed(named);
  if (named !== undefined && !inField) issues.push(issue(["time_zone_name"], named, zoneRule(named)));
  const inCron = first?.zone === undefined ? undefined : zoneNamed(first.zone);
  if (first?.zone !== undefined && !inCron) {
    const rule = `its zone ${JSON.stringify(first.zone)} is not known; ${zoneRule(first.zone)}`;
    issues.push(issue(["cron_expressions", first.index], first.text, rule));
  }
  return inField ?? inCron ?? zoneNamed("UTC")!;
}

function zoneRule(name: string): string {
  const similar = similarZone(name);
  const hint = similar ? `; did you mean ${similar}?` : "";
  const short = /^[A-Z]{2,5}$/.test(name) ? `, not abbreviations: several zones may share ${name}` : "";
  return `allowed are names of the IANA time zone database, such as Europe/Paris or UTC${short}${hint}`;
}

function compileInstant(field: "start_at" | "end_at", text: string | null | undefined, issues: SpecIssue[]) {
  if (text == null) return undefined;
  const instant = parseInstant(text);
  if (instant === undefined) {
    issues.push(issue([field], text, "allowed is an RFC 3339 date-time such as 2026-03-27T09:30:00Z, or null"));
  }
  return instant;
}

function compileJitter(text: string | null | undefined, issues: SpecIssue[]): number {
  if (text == null) return 0;
  const duration = parseIsoDuration(text);
  if ("value" in duration) return Math.max(0, duration.value);
  issues.push(issue(["jitter"], text, duration.problem));
  return 0;
}
