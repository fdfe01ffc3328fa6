/** The times of definitions, worked out by hand from the documentation of schedules. 1 January 2026 is a Thursday. */
import { describe, expect, test } from "vitest";
import { nextTime, preview, validateSpec } from "../../../shared/schedule/rules/index.ts";
import { Driver } from "./driver.ts";

/** The times after `after` (default: the first second of 2026), as many as are expected, and whether more follow. */
type Row = [what: string, definition: object, expected: string[], after?: string];
const NEW_YEAR = "2026-01-01T00:00:00Z";
const on = (start: number, end?: number, step?: number) => [
  { start, ...(end !== undefined && { end }), ...(step !== undefined && { step }) },
];
const every = (minutes: number, seconds?: object) => ({ hour: on(0, 23), minute: on(0, 59, minutes), ...seconds });
const daily = (hour: number, minute = 0) => ({ hour: on(hour), minute: on(minute) });
const cron = (...cron_expressions: string[]) => ({ cron_expressions });
/** `2026-01-05 09:00` */
const instant = (text: string) => `${text.replace(" ", "T")}${text.length === 16 ? ":00" : ""}Z`;

function check([, definition, expected, after = NEW_YEAR]: Row): void {
  const shown = preview(definition, { after: Date.parse(after), count: Math.max(1, expected.length) });
  if ("issues" in shown) throw new Error(JSON.stringify(shown.issues));
  expect(shown.times).toEqual(expected.map(instant));
}

const calendars: Row[] = [
  ["daily at 9:00", { calendars: [daily(9)] }, ["2026-01-01 09:00", "2026-01-02 09:00"]],
  ["the time itself is past", { calendars: [daily(9)] }, ["2026-01-02 09:00"], "2026-01-01T09:00:00Z"],
  ["a second before it", { calendars: [daily(9)] }, ["2026-01-01 09:00"], "2026-01-01T08:59:59Z"],
  [
    "Monday through Friday at 9:30",
    { calendars: [{ ...daily(9, 30), day_of_week: on(1, 5) }] },
    ["2026-01-02 09:30", "2026-01-05 09:30", "2026-01-06 09:30"],
    "2026-01-01T12:00:00Z",
  ],
  [
    "on the hour from 8 to 18",
    { calendars: [{ hour: on(8, 18), minute: on(0) }] },
    ["2026-01-01 18:00", "2026-01-02 08:00"],
    "2026-01-01T17:30:00Z",
  ],
  [
    "steps of a quarter of an hour",
    { calendars: [{ hour: on(9), minute: on(0, 59, 15) }] },
    ["2026-01-01 09:00", "2026-01-01 09:15", "2026-01-01 09:30", "2026-01-01 09:45", "2026-01-02 09:00"],
  ],
  [
    "steps count from the start",
    { calendars: [{ hour: on(9), minute: on(5, 59, 20) }] },
    ["2026-01-01 09:05", "2026-01-01 09:25", "2026-01-01 09:45"],
  ],
  [
    "an end that no step hits",
    { calendars: [{ hour: on(8, 18, 4) }] },
    ["2026-01-01 08:00", "2026-01-01 12:00", "2026-01-01 16:00", "2026-01-02 08:00"],
  ],
  [
    "a step without an end",
    { calendars: [{ hour: [{ start: 9, step: 3 }] }] },
    ["2026-01-01 09:00", "2026-01-02 09:00"],
  ],
  [
    "every half minute",
    { calendars: [every(1, { second: [...on(0), ...on(30)] })] },
    ["2026-01-01 00:00:30", "2026-01-01 00:01", "2026-01-01 00:01:30"],
  ],
  ["an omitted minute is 0", { calendars: [{ hour: on(9), second: on(15) }] }, ["2026-01-01 09:00:15"]],
  ["no field at all is midnight", { calendars: [{}] }, ["2026-01-02 00:00", "2026-01-03 00:00"]],
  ["several ranges", { calendars: [{ hour: [...on(9), ...on(17)] }] }, ["2026-01-01 09:00", "2026-01-01 17:00"]],
  ["0 is Sunday", { calendars: [{ day_of_week: on(0) }] }, ["2026-01-04 00:00", "2026-01-11 00:00"]],
  [
    "the 31st leaves short months out",
    { calendars: [{ day_of_month: on(31) }] },
    ["2026-03-31 00:00", "2026-05-31 00:00", "2026-07-31 00:00", "2026-08-31 00:00"],
    "2026-01-31T00:00:00Z",
  ],
  ["29 February", { calendars: [{ month: on(2), day_of_month: on(29) }] }, ["2028-02-29 00:00", "2032-02-29 00:00"]],
  [
    "both day fields must match: Friday the 13th",
    { calendars: [{ day_of_month: on(13), day_of_week: on(5) }] },
    ["2026-02-13 00:00", "2026-03-13 00:00", "2026-11-13 00:00"],
  ],
  [
    "the first day of each quarter",
    { calendars: [{ month: on(1, 12, 3), day_of_month: on(1) }] },
    ["2026-04-01 00:00", "2026-07-01 00:00", "2026-10-01 00:00", "2027-01-01 00:00"],
  ],
  [
    "years with a step",
    { calendars: [{ year: on(2026, 2030, 2), month: on(7), day_of_month: on(4), hour: on(12) }] },
    ["2026-07-04 12:00", "2028-07-04 12:00", "2030-07-04 12:00"],
  ],
  ["a past year", { calendars: [{ year: on(2025) }] }, []],
];

const zones: Row[] = [
  [
    "9:00 in Paris before and after the clocks go forward",
    { calendars: [daily(9)], time_zone_name: "Europe/Paris" },
    ["2026-03-28 08:00", "2026-03-29 07:00"],
    "2026-03-28T00:00:00Z",
  ],
  [
    "2:30 in Paris does not exist on 29 March",
    { calendars: [daily(2, 30)], time_zone_name: "Europe/Paris" },
    ["2026-03-28 01:30", "2026-03-30 00:30"],
    "2026-03-28T00:00:00Z",
  ],
  [
    "2:30 in Paris comes twice on 25 October",
    { calendars: [daily(2, 30)], time_zone_name: "Europe/Paris" },
    ["2026-10-24 00:30", "2026-10-25 00:30", "2026-10-25 01:30", "2026-10-26 01:30"],
    "2026-10-24T00:00:00Z",
  ],
  [
    "half past each hour in Paris through the repeated hour",
    { ...cron("30 * * * *"), time_zone_name: "Europe/Paris" },
    ["2026-10-24 23:30", "2026-10-25 00:30", "2026-10-25 01:30", "2026-10-25 02:30"],
    "2026-10-24T23:00:00Z",
  ],
  [
    "9:00 on workdays in New York over the weekend of the change",
    { ...cron("0 9 * * 1-5"), time_zone_name: "America/New_York" },
    ["2026-03-06 14:00", "2026-03-09 13:00"],
    "2026-03-06T00:00:00Z",
  ],
  [
    "1:30 in New York comes twice on 1 November",
    { ...cron("30 1 * * *"), time_zone_name: "America/New_York" },
    ["2026-11-01 05:30", "2026-11-01 06:30", "2026-11-02 06:30"],
    "2026-11-01T00:00:00Z",
  ],
  ["9:00 in Kolkata", { calendars: [daily(9)], time_zone_name: "Asia/Kolkata" }, ["2026-01-01 03:30"]],
  ["6:00 in Kathmandu", { calendars: [daily(6)], time_zone_name: "Asia/Kathmandu" }, ["2026-01-01 00:15"]],
  [
    "2:15 on Lord Howe is in a gap of half an hour",
    { calendars: [daily(2, 15)], time_zone_name: "Australia/Lord_Howe" },
    ["2026-10-02 15:45", "2026-10-04 15:15"],
    "2026-10-02T12:00:00Z",
  ],
  [
    "noon in London in summer",
    { ...cron("0 12 * * *"), time_zone_name: "Europe/London" },
    ["2026-06-01 11:00"],
    "2026-06-01T00:00:00Z",
  ],
  ["a zone in the cron line", cron("CRON_TZ=America/New_York 0 9 * * *"), ["2026-01-01 14:00"]],
  ["a day of the week in Tokyo", { ...cron("0 8 * * mon"), time_zone_name: "Asia/Tokyo" }, ["2026-01-04 23:00"]],
];

const intervals: Row[] = [
  [
    "PT4H with the offset PT30M",
    { intervals: [{ every: "PT4H", offset: "PT30M" }] },
    ["00:30", "04:30", "08:30", "12:30", "16:30", "20:30"].map((time) => `2026-01-01 ${time}`),
  ],
  ["PT4H", { intervals: [{ every: "PT4H" }] }, ["2026-01-01 04:00", "2026-01-01 08:00"]],
  ["PT30M", { intervals: [{ every: "PT30M" }] }, ["2026-01-01 00:30", "2026-01-01 01:00"]],
  [
    "PT2H30M counts from 1970",
    { intervals: [{ every: "PT2H30M" }] },
    ["2026-01-01 01:30", "2026-01-01 04:00", "2026-01-01 06:30"],
  ],
  [
    "PT7H counts from 1970",
    { intervals: [{ every: "PT7H" }] },
    ["2026-01-01 07:00", "2026-01-01 14:00", "2026-01-01 21:00", "2026-01-02 04:00"],
  ],
  ["PT90S", { intervals: [{ every: "PT90S" }] }, ["2026-01-01 00:01:30", "2026-01-01 00:03"]],
  ["P7D falls on Thursdays", { intervals: [{ every: "P7D" }] }, ["2026-01-08 00:00", "2026-01-15 00:00"]],
  ["P1W is P7D", { intervals: [{ every: "P1W" }] }, ["2026-01-08 00:00"]],
  ["P1DT12H", { intervals: [{ every: "P1DT12H" }] }, ["2026-01-02 12:00", "2026-01-04 00:00"]],
  ["half an hour as a fraction", { intervals: [{ every: "PT0.5H" }] }, ["2026-01-01 00:30"]],
  [
    "the last second of each hour",
    { intervals: [{ every: "PT1H", offset: "PT59M59S" }] },
    ["2026-01-01 00:59:59", "2026-01-01 01:59:59"],
  ],
  [
    "a day is 24 hours, whatever the zone's clocks do",
    { intervals: [{ every: "P1D", offset: "PT9H" }], time_zone_name: "Europe/Paris" },
    ["2026-03-28 09:00", "2026-03-29 09:00", "2026-03-30 09:00"],
    "2026-03-28T00:00:00Z",
  ],
];

const crons: Row[] = [
  ["9:00, Monday to Friday", cron("0 9 * * 1-5"), ["2026-01-05 09:00"], "2026-01-02T10:00:00Z"],
  ["every quarter of an hour", cron("*/15 * * * *"), ["2026-01-01 00:15", "2026-01-01 00:30"]],
  ["every Monday", cron("0 9 * * 1"), ["2026-01-05 09:00", "2026-01-12 09:00"]],
  ["the first of the month", cron("0 0 1 * *"), ["2026-02-01 00:00", "2026-03-01 00:00"]],
  ["two days of the month", cron("30 4 1,15 * *"), ["2026-01-01 04:30", "2026-01-15 04:30", "2026-02-01 04:30"]],
  [
    "every second hour of a range",
    cron("23 0-20/2 * * *"),
    ["2026-01-01 20:23", "2026-01-02 00:23"],
    "2026-01-01T18:30:00Z",
  ],
  ["a name of a weekday", cron("5 4 * * sun"), ["2026-01-04 04:05"]],
  ["7 is Sunday", cron("0 0 * * 7"), ["2026-01-04 00:00"]],
  [
    "Friday to Sunday",
    cron("0 0 * * 5-7"),
    ["2026-01-02 00:00", "2026-01-03 00:00", "2026-01-04 00:00", "2026-01-09 00:00"],
  ],
  ["names of months", cron("0 0 1 jan,jul *"), ["2026-07-01 00:00", "2027-01-01 00:00"]],
  [
    "a start with a step runs to the end of the field",
    cron("10/20 * * * *"),
    ["2026-01-01 00:10", "2026-01-01 00:30", "2026-01-01 00:50", "2026-01-01 01:10"],
  ],
  ["both day fields must match", cron("0 9 13 * 5"), ["2026-02-13 09:00"]],
  ["six fields: a year", cron("0 12 1 1 * 2028"), ["2028-01-01 12:00"]],
  ["seven fields: a second and a year", cron("15 30 9 * * * *"), ["2026-01-01 09:30:15", "2026-01-02 09:30:15"]],
  ["@weekly is Sunday", cron("@weekly"), ["2026-01-04 00:00"]],
  ["@yearly", cron("@yearly"), ["2027-01-01 00:00", "2028-01-01 00:00"]],
  ["@every", cron("@every 90m"), ["2026-01-01 01:30", "2026-01-01 03:00"]],
  ["@every with an offset", cron("@every 1h/10m"), ["2026-01-01 00:10", "2026-01-01 01:10"]],
];

const bounds: Row[] = [
  [
    "start_at is the first time",
    { calendars: [daily(9, 30)], start_at: "2026-01-01T09:30:00Z" },
    ["2026-01-01 09:30", "2026-01-02 09:30"],
    "2025-06-01T00:00:00Z",
  ],
  [
    "a second after a time, start_at leaves it out",
    { calendars: [daily(9, 30)], start_at: "2026-01-01T09:30:01Z" },
    ["2026-01-02 09:30"],
    "2025-06-01T00:00:00Z",
  ],
  [
    "start_at with an offset",
    { calendars: [daily(9, 30)], start_at: "2026-01-01T11:30:00+02:00" },
    ["2026-01-01 09:30"],
    "2025-06-01T00:00:00Z",
  ],
  [
    "end_at is the last time",
    { calendars: [daily(9, 30)], end_at: "2026-12-31T09:30:00Z" },
    ["2026-12-30 09:30", "2026-12-31 09:30"],
    "2026-12-29T12:00:00Z",
  ],
  [
    "nothing after end_at",
    { calendars: [daily(9, 30)], end_at: "2026-12-31T09:29:59Z" },
    ["2026-12-30 09:30"],
    "2026-12-29T12:00:00Z",
  ],
  [
    "an end before the start",
    { intervals: [{ every: "PT1H" }], start_at: "2026-02-01T00:00:00Z", end_at: "2026-01-02T00:00:00Z" },
    [],
  ],
  [
    "25 December is skipped",
    { calendars: [daily(9, 30)], skip: [{ month: on(12), day_of_month: on(25) }] },
    ["2026-12-24 09:30", "2026-12-26 09:30"],
    "2026-12-23T12:00:00Z",
  ],
  [
    "25 December is skipped as the zone has it",
    {
      intervals: [{ every: "PT12H" }],
      skip: [{ month: on(12), day_of_month: on(25) }],
      time_zone_name: "Europe/Paris",
    },
    ["2026-12-24 12:00", "2026-12-26 00:00"],
    "2026-12-24T00:00:00Z",
  ],
  [
    "weekends are skipped",
    { intervals: [{ every: "P1D" }], skip: [{ day_of_week: [...on(0), ...on(6)] }] },
    ["2026-01-02 00:00", "2026-01-05 00:00"],
  ],
  [
    "a skip with an hour means its first second",
    { intervals: [{ every: "PT30M" }], skip: [{ hour: on(0, 6) }] },
    ["2026-01-01 05:30", "2026-01-01 06:30", "2026-01-01 07:00"],
    "2026-01-01T05:00:00Z",
  ],
  [
    "a month is skipped",
    { ...cron("0 0 1 * *"), skip: [{ month: on(8) }] },
    ["2026-07-01 00:00", "2026-09-01 00:00"],
    "2026-06-15T00:00:00Z",
  ],
  [
    "calendars, intervals and cron lines are merged, equal times once",
    { ...cron("0 12 * * *"), intervals: [{ every: "PT6H" }], calendars: [daily(12), daily(13)] },
    ["2026-01-01 06:00", "2026-01-01 12:00", "2026-01-01 13:00", "2026-01-01 18:00"],
  ],
  [
    "max_executions bounds a preview too",
    { ...cron("0 9 * * 1"), max_executions: 2 },
    ["2026-01-05 09:00", "2026-01-12 09:00"],
  ],
];

describe.each([
  ["calendars", calendars],
  ["time zones", zones],
  ["intervals", intervals],
  ["cron lines", crons],
  ["bounds and skips", bounds],
])("%s", (_, rows) => {
  test.each(rows)("%s", (...row) => check(row));
});

test("definitions that end say so, and those that go on do not", () => {
  const exhausted = (definition: object, count: number) =>
    preview(definition, { after: Date.parse(NEW_YEAR), count }) as { exhausted: boolean };
  expect(exhausted(cron("0 12 1 1 * 2028"), 1).exhausted).toBe(true);
  expect(exhausted({ ...cron("0 9 * * 1"), max_executions: 2 }, 5).exhausted).toBe(true);
  expect(exhausted({ ...cron("0 9 * * 1"), end_at: "2026-01-05T09:00:00Z" }, 1).exhausted).toBe(true);
  expect(exhausted(cron("0 9 * * 1"), 5).exhausted).toBe(false);
});

describe("jitter", () => {
  const hourly = { intervals: [{ every: "PT1H" }], jitter: "PT5M" };
  const delays = (definition: object, seed: string, n = 50) => {
    const validated = validateSpec(definition);
    if ("issues" in validated) throw new Error(JSON.stringify(validated.issues));
    let at = Date.parse(NEW_YEAR);
    return Array.from({ length: n }, () => {
      const time = nextTime(validated.spec, at, { seed })!;
      at = time.nominal;
      return time.actual - time.nominal;
    });
  };

  test("is between 0 and the given time, the same for the same schedule and time, and spreads schedules", () => {
    const one = delays(hourly, "w/one");
    for (const delay of one) expect(delay).toBeGreaterThanOrEqual(0);
    for (const delay of one) expect(delay).toBeLessThan(300_000);
    expect(delays(hourly, "w/one")).toEqual(one);
    expect(delays(hourly, "w/two")).not.toEqual(one);
    expect(Math.max(...one) - Math.min(...one)).toBeGreaterThan(200_000);
  });

  test("never reaches the next time, however long it is", () => {
    for (const delay of delays({ intervals: [{ every: "PT10M" }], jitter: "P1D" }, "w/one")) {
      expect(delay).toBeLessThan(600_000);
    }
  });

  test("is a format: these delays must never change", () => {
    expect(delays(hourly, "installation/nightly", 3)).toEqual([55_814, 215_378, 195_023]);
  });
});

describe("limits and catch-up", () => {
  const days = (n: number) => n * 86_400_000;

  test("every Monday for four weeks, then no more", () => {
    const driver = new Driver({ ...cron("0 9 * * 1"), max_executions: 4, policy: { overlap: 6 } }, "00:00");
    for (let day = 1; day <= 60; day++) driver.wakeAfter(days(day));
    expect(driver.startedAt).toEqual(["2026-01-05T09:00", "2026-01-12T09:00", "2026-01-19T09:00", "2026-01-26T09:00"]);
  });

  test("without a window, missed runs of 365 days are made up for", () => {
    const driver = new Driver({ intervals: [{ every: "P1D" }], policy: { overlap: 3 } }, "00:00");
    driver.wakeAfter(days(400));
    expect(driver.state.counters.missed_catchup_window).toBe(34);
    expect(driver.state.active.length + driver.state.buffer.length).toBe(366);
  });

  test("with a window of a day, older runs are skipped, and one at its edge is not", () => {
    const window = { overlap: 6, catchup_window_seconds: 86_400 };
    const driver = new Driver({ intervals: [{ every: "PT12H" }], policy: window }, "00:00");
    driver.wakeAfter(days(5));
    expect(driver.startedAt).toEqual(["2026-01-05T00:00", "2026-01-05T12:00", "2026-01-06T00:00"]);
  });

  test("a window of 0 makes up for ten seconds", () => {
    const window = { overlap: 6, catchup_window_seconds: 0 };
    const driver = new Driver({ intervals: [{ every: "PT5S" }], policy: window }, "00:00");
    driver.wakeAfter(60_000);
    expect(driver.startedAt).toEqual(["2026-01-01T00:00:50", "2026-01-01T00:00:55", "2026-01-01T00:01"]);
  });
});
