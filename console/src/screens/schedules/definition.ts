/** What a person edits of a schedule, as texts, and the definition that the API takes. */
import type { ScheduleDefinitionOutput } from "../../../../shared/protocol/http/schedules.ts";

/** Without `end` only its start, without `step` each. */
interface Range {
  readonly start: number;
  readonly end?: number;
  readonly step?: number;
}

export const FIELDS = ["second", "minute", "hour", "day_of_month", "month", "day_of_week", "year"] as const;
export type Field = (typeof FIELDS)[number];
/** A calendar with its ranges as text. An absent field has its own default. */
export type CalendarDraft = { readonly [F in Field]?: string } & { readonly comment?: string };

export interface Draft {
  readonly schedule_id: string;
  readonly cron: readonly string[];
  readonly intervals: readonly { readonly every: string; readonly offset: string }[];
  readonly calendars: readonly CalendarDraft[];
  readonly skip: readonly CalendarDraft[];
  readonly zone: string;
  readonly start: string;
  readonly end: string;
  readonly jitter: string;
  readonly overlap: number;
  readonly catchup: string;
  readonly pauseOnFailure: boolean;
  readonly max: string;
}

export const EMPTY: Draft = {
  schedule_id: "",
  cron: ["0 9 * * MON-FRI"],
  intervals: [],
  calendars: [],
  skip: [],
  zone: Intl.DateTimeFormat().resolvedOptions().timeZone,
  start: "",
  end: "",
  jitter: "",
  overlap: 1,
  catchup: "",
  pauseOnFailure: false,
  max: "",
};

const RANGE = /^(\d+)(?:-(\d+))?(?:\/(\d+))?$/;

/** `1-5,7,10-20/2` as ranges; a text that is none: its problem. */
export function readRanges(text: string): readonly Range[] | { readonly problem: string } {
  const ranges: Range[] = [];
  for (const part of text.split(",").map((one) => one.trim())) {
    if (part === "") continue;
    const [, start, end, step] = RANGE.exec(part) ?? [];
    if (start === undefined) return { problem: `'${part}' is no range: write 5, 1-5 or 0-50/10, separated by commas` };
    ranges.push({ start: Number(start), end: Number(end ?? start), step: Number(step ?? 1) });
  }
  return ranges;
}

export const writeRanges = (ranges: readonly Range[]): string =>
  ranges
    .map(({ start, end, step }) => {
      const isSpan = end !== undefined && end > start;
      return `${start}${isSpan ? `-${end}` : ""}${step !== undefined && step > 1 && isSpan ? `/${step}` : ""}`;
    })
    .join(",");

type Calendar = Record<string, unknown>;

function calendarOf(draft: CalendarDraft, problems: string[]): Calendar {
  const calendar: Calendar = {};
  for (const field of FIELDS) {
    const text = draft[field]?.trim() ?? "";
    if (text === "") continue;
    const ranges = readRanges(text);
    if ("problem" in ranges) problems.push(`${field.replaceAll("_", " ")}: ${ranges.problem}`);
    else calendar[field] = ranges;
  }
  if (draft.comment) calendar.comment = draft.comment;
  return calendar;
}

/** The definition without its input, and what is wrong with the texts. The server finds all other problems. */
export function definitionOf(draft: Draft): {
  readonly definition: Record<string, unknown>;
  readonly problems: readonly string[];
} {
  const problems: string[] = [];
  const whole = (name: string, text: string): number | null => {
    if (text.trim() === "") return null;
    if (!/^\d+$/.test(text.trim())) problems.push(`${name}: a whole number is wanted`);
    return Number(text);
  };
  const catchup = whole("catch-up window", draft.catchup);
  const max = whole("executions at most", draft.max);
  const filled = (text: string): string | null => (text.trim() === "" ? null : text.trim());
  const definition = {
    cron_expressions: draft.cron.map((line) => line.trim()).filter((line) => line !== ""),
    intervals: draft.intervals
      .filter(({ every }) => every.trim() !== "")
      .map(({ every, offset }) => ({ every: every.trim(), ...(offset.trim() !== "" && { offset: offset.trim() }) })),
    calendars: draft.calendars.map((calendar) => calendarOf(calendar, problems)),
    skip: draft.skip.map((calendar) => calendarOf(calendar, problems)),
    time_zone_name: filled(draft.zone),
    start_at: filled(draft.start),
    end_at: filled(draft.end),
    jitter: filled(draft.jitter),
    max_executions: max,
    policy: {
      overlap: draft.overlap,
      pause_on_failure: draft.pauseOnFailure,
      ...(catchup !== null && { catchup_window_seconds: catchup }),
    },
  };
  return { definition, problems };
}

type AnyDefinition = Partial<ScheduleDefinitionOutput> & { readonly max_executions?: number | null };

/** The draft of a definition in which any field may be missing. Throws if a field has another form than the API takes. */
export function draftOf(schedule: AnyDefinition): Draft {
  const { policy } = schedule;
  const filled = (value: unknown): string => (value === undefined || value === null ? "" : String(value));
  return {
    schedule_id: filled(schedule.schedule_id),
    cron: (schedule.cron_expressions ?? []).map(filled),
    intervals: (schedule.intervals ?? []).map(({ every, offset }) => ({ every, offset: offset ?? "" })),
    calendars: (schedule.calendars ?? []).map(calendarDraftOf),
    skip: (schedule.skip ?? []).map(calendarDraftOf),
    zone: filled(schedule.time_zone_name),
    start: filled(schedule.start_at),
    end: filled(schedule.end_at),
    jitter: filled(schedule.jitter),
    overlap: policy?.overlap ?? EMPTY.overlap,
    catchup: filled(policy?.catchup_window_seconds),
    pauseOnFailure: policy?.pause_on_failure ?? false,
    max: filled("remaining_executions" in schedule ? schedule.remaining_executions : schedule.max_executions),
  };
}

const calendarDraftOf = (from: Readonly<Record<string, unknown>>): CalendarDraft => ({
  ...Object.fromEntries(
    FIELDS.filter((field) => Array.isArray(from[field])).map((field) => [field, writeRanges(from[field] as Range[])]),
  ),
  ...(typeof from.comment === "string" && { comment: from.comment }),
});

/** The draft of a definition that a person wrote as JSON, or why the fields cannot hold it. */
export function draftOfJson(value: unknown): { readonly draft: Draft } | { readonly why: string } {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return { why: "A rule is a JSON object." };
  let draft: Draft;
  try {
    draft = draftOf(value as AnyDefinition);
  } catch {
    return { why: "A field has another form than the API takes." };
  }
  const { definition, problems } = definitionOf(draft);
  if (problems[0] !== undefined) return { why: problems[0] };
  const [before, after] = [plain(value), plain(definition)];
  const lost = Object.keys(before).filter((key) => JSON.stringify(before[key]) !== JSON.stringify(after[key]));
  return lost.length > 0 ? { why: `The fields cannot show '${lost.join("', '")}'.` } : { draft };
}

/** Without what says nothing: nulls, empty lists, and defaults of ranges and policies. Two definitions that are equal so are the same rule. */
function plain(definition: object): Readonly<Record<string, unknown>> {
  const shown = (key: string, value: unknown): unknown => {
    if (key === "calendars" || key === "skip") return (value as Record<string, unknown>[]).map(plainCalendar);
    if (key === "intervals") return (value as object[]).map((one) => sorted(one));
    if (key === "policy") return sorted({ overlap: 1, pause_on_failure: false, ...(value as object) });
    return typeof value === "string" ? value.trim() : value;
  };
  const empty = (value: unknown) => value === null || value === "" || (Array.isArray(value) && value.length === 0);
  const entries = Object.entries({ policy: {}, ...definition });
  return Object.fromEntries(
    entries.filter(([, value]) => !empty(value)).map(([key, value]) => [key, shown(key, value)]),
  );
}

const plainCalendar = (calendar: Readonly<Record<string, unknown>>): unknown => {
  const ranges = Object.entries(calendar).filter(([, value]) => !(Array.isArray(value) && value.length === 0));
  return sorted(
    Object.fromEntries(
      ranges.map(([key, value]) => [key, Array.isArray(value) ? writeRanges(value as Range[]) : value]),
    ),
  );
};

const sorted = (value: object): unknown =>
  Object.fromEntries(
    Object.entries(value)
      .filter(([, one]) => one !== null && one !== "")
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );

/** The fields that differ, for an update that changes nothing else. A field that is gone is emptied. */
export function changed(before: Record<string, unknown>, after: Record<string, unknown>): Record<string, unknown> {
  const emptied = Object.entries(before).map(([key, value]) => [key, Array.isArray(value) ? [] : null]);
  return Object.fromEntries(
    Object.entries({ ...Object.fromEntries(emptied), ...after }).filter(
      ([key, value]) => JSON.stringify(value) !== JSON.stringify(before[key]),
    ),
  );
}

export const OVERLAPS: readonly (readonly [value: number, name: string, does: string])[] = [
  [1, "Skip", "The new run is not started while one is active."],
  [2, "Buffer one", "One run waits for the active one to end."],
  [3, "Buffer all", "All runs wait, up to 1,000."],
  [4, "Cancel other", "The active run is asked to cancel; then the new one starts."],
  [5, "Terminate other", "The active run is ended; then the new one starts."],
  [6, "Allow all", "The runs overlap."],
];

/** The rule in one line. */
export function specWords(
  schedule: Pick<ScheduleDefinitionOutput, "cron_expressions" | "intervals" | "calendars" | "skip">,
): string {
  const parts = [
    ...schedule.cron_expressions.map((line) => `cron ${line}`),
    ...schedule.intervals.map(({ every, offset }) => `every ${every}${offset ? ` from ${offset}` : ""}`),
    ...(schedule.calendars.length > 0
      ? [`${schedule.calendars.length} calendar${schedule.calendars.length > 1 ? "s" : ""}`]
      : []),
  ];
  const skips = schedule.skip.length > 0 ? `, with ${schedule.skip.length} skipped` : "";
  return (parts.join(" and ") || "no times") + skips;
}
