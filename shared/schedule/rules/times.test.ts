import { describe, expect, test } from "vitest";
import { formatInstant } from "./civil.ts";
import { TooCostly } from "./steps.ts";
import { isSkipped, lastRawTime, nextTime, timesAfter } from "./times.ts";
import { validateSpec } from "./validate.ts";

const at = (text: string) => Date.parse(text);

function compiled(definition: object) {
  const validated = validateSpec(definition);
  if ("issues" in validated) throw new Error(JSON.stringify(validated.issues));
  return validated.spec;
}

/** Up to `count` nominal times after `after`. */
function times(definition: object, after: string, count = 4): string[] {
  return timesAfter(compiled(definition), at(after))
    .take(count)
    .map(({ nominal }) => formatInstant(nominal))
    .toArray();
}

const cron = (expression: string, zone?: string) => ({ cron_expressions: [expression], time_zone_name: zone ?? null });

describe("daylight saving is taken literally", () => {
  test.each<[what: string, definition: object, after: string, expected: string[]]>([
    [
      "Paris hourly on the long day: no hour is missing",
      cron("0 * * * *", "Europe/Paris"),
      "2024-10-26T23:00:00Z",
      ["2024-10-27T00:00:00Z", "2024-10-27T01:00:00Z", "2024-10-27T02:00:00Z"],
    ],
    [
      "Paris 02:30 on the long day: twice",
      cron("30 2 * * *", "Europe/Paris"),
      "2024-10-26T12:00:00Z",
      ["2024-10-27T00:30:00Z", "2024-10-27T01:30:00Z", "2024-10-28T01:30:00Z"],
    ],
    [
      "Paris 01:00 on the long day: once",
      cron("0 1 * * *", "Europe/Paris"),
      "2024-10-26T12:00:00Z",
      ["2024-10-26T23:00:00Z", "2024-10-28T00:00:00Z"],
    ],
    [
      "Paris 02:30 on the short day: not at all",
      cron("30 2 * * *", "Europe/Paris"),
      "2024-03-30T12:00:00Z",
      ["2024-04-01T00:30:00Z"],
    ],
    [
      "London midnight on the long day: once",
      cron("0 0 * * *", "Europe/London"),
      "2024-10-26T12:00:00Z",
      ["2024-10-26T23:00:00Z", "2024-10-28T00:00:00Z"],
    ],
    [
      "New York 01:30 on the long day: twice",
      cron("30 1 * * *", "America/New_York"),
      "2026-10-31T12:00:00Z",
      ["2026-11-01T05:30:00Z", "2026-11-01T06:30:00Z", "2026-11-02T06:30:00Z"],
    ],
    [
      "Lord Howe 02:10 on the short day: skipped, not moved",
      cron("10 2 * * *", "Australia/Lord_Howe"),
      "2024-10-05T00:00:00Z",
      ["2024-10-06T15:10:00Z"],
    ],
    [
      "Lord Howe 01:40 on the long day: twice, 30 minutes apart",
      cron("40 1 * * *", "Australia/Lord_Howe"),
      "2024-04-06T00:00:00Z",
      ["2024-04-06T14:40:00Z", "2024-04-06T15:10:00Z", "2024-04-07T15:10:00Z"],
    ],
    [
      "Apia 09:00: none on the day that the zone left out",
      cron("0 9 * * *", "Pacific/Apia"),
      "2011-12-29T00:00:00Z",
      ["2011-12-29T19:00:00Z", "2011-12-30T19:00:00Z"],
    ],
    [
      "Caracas 02:40 on the day of the change: skipped",
      cron("40 2 * * *", "America/Caracas"),
      "2016-04-30T00:00:00Z",
      ["2016-04-30T07:10:00Z", "2016-05-02T06:40:00Z"],
    ],
    [
      "Paris 09:00: the UTC time changes, the wall time does not",
      cron("0 9 * * 1-5", "Europe/Paris"),
      "2026-03-27T00:00:00Z",
      ["2026-03-27T08:00:00Z", "2026-03-30T07:00:00Z"],
    ],
  ])("%s", (_, definition, after, expected) => {
    expect(times(definition, after, expected.length)).toEqual(expected);
  });
});

describe("calendars", () => {
  const NOON = "2026-01-01T12:00:00Z";
  test.each<[what: string, definition: object, expected: string[]]>([
    ["an empty calendar is midnight", { calendars: [{}] }, ["2026-01-02T00:00:00Z", "2026-01-03T00:00:00Z"]],
    ["an hour alone is that hour sharp", { calendars: [{ hour: [{ start: 9 }] }] }, ["2026-01-02T09:00:00Z"]],
    [
      "minutes alone are minutes after midnight",
      { calendars: [{ minute: [{ start: 0 }, { start: 30 }] }] },
      ["2026-01-02T00:00:00Z", "2026-01-02T00:30:00Z", "2026-01-03T00:00:00Z"],
    ],
    [
      "end 0 means the start alone, also with a step",
      { calendars: [{ hour: [{ start: 5, end: 0, step: 10 }] }] },
      ["2026-01-02T05:00:00Z", "2026-01-03T05:00:00Z"],
    ],
    [
      "a step counts from the start and need not hit the end",
      { calendars: [{ hour: [{ start: 13, end: 20, step: 3 }] }] },
      ["2026-01-01T13:00:00Z", "2026-01-01T16:00:00Z", "2026-01-01T19:00:00Z", "2026-01-02T13:00:00Z"],
    ],
    [
      "both day fields must match",
      cron("0 9 13 * 5"),
      ["2026-02-13T09:00:00Z", "2026-03-13T09:00:00Z", "2026-11-13T09:00:00Z"],
    ],
    [
      "the 31st occurs only where there is one",
      { calendars: [{ day_of_month: [{ start: 31 }] }] },
      ["2026-01-31T00:00:00Z", "2026-03-31T00:00:00Z", "2026-05-31T00:00:00Z"],
    ],
    ["an empty list of years is every year", { calendars: [{ year: [] }] }, ["2026-01-02T00:00:00Z"]],
    ["any other empty list matches nothing", { calendars: [{ hour: [] }, { month: [] }, { day_of_week: [] }] }, []],
    ["an empty spec has no times", {}, []],
  ])("%s", (_, definition, expected) => {
    const count = Math.max(1, expected.length);
    expect(times(definition, NOON, count)).toEqual(expected);
  });
});

describe("intervals count from the epoch, in UTC", () => {
  const AFTER = "2026-01-01T12:00:00Z"; // a Thursday
  test.each<[what: string, definition: object, expected: string[]]>([
    [
      "PT4H offset PT30M",
      { intervals: [{ every: "PT4H", offset: "PT30M" }] },
      ["2026-01-01T12:30:00Z", "2026-01-01T16:30:00Z", "2026-01-01T20:30:00Z", "2026-01-02T00:30:00Z"],
    ],
    [
      "P1D is midnight UTC in any zone",
      { intervals: [{ every: "P1D" }], time_zone_name: "Asia/Tokyo" },
      ["2026-01-02T00:00:00Z"],
    ],
    ["P7D falls on Thursdays", { intervals: [{ every: "P7D" }] }, ["2026-01-08T00:00:00Z", "2026-01-15T00:00:00Z"]],
    ["P1W is the same", { intervals: [{ every: "P1W" }] }, ["2026-01-08T00:00:00Z"]],
    [
      "PT7H is not aligned to midnight",
      { intervals: [{ every: "PT7H" }] },
      ["2026-01-01T14:00:00Z", "2026-01-01T21:00:00Z"],
    ],
    [
      "fractions of a second are cut",
      { intervals: [{ every: "PT1.9S" }] },
      ["2026-01-01T12:00:01Z", "2026-01-01T12:00:02Z"],
    ],
    [
      "an offset longer than the time since the epoch still works",
      { intervals: [{ every: "P36500D", offset: "P30000D" }] },
      ["2052-02-20T00:00:00Z"],
    ],
    ["@every is the same thing", cron("@every 1h/15m"), ["2026-01-01T12:15:00Z", "2026-01-01T13:15:00Z"]],
  ])("%s", (_, definition, expected) => {
    expect(times(definition, AFTER, expected.length)).toEqual(expected);
  });

  test("before its offset an interval looks back over the epoch with a floor", () => {
    expect(times({ intervals: [{ every: "PT10S", offset: "PT7S" }] }, "1969-12-31T23:59:59Z", 2)).toEqual([
      "1970-01-01T00:00:07Z",
      "1970-01-01T00:00:17Z",
    ]);
  });
});

describe("start_at and end_at", () => {
  const daily = { calendars: [{ hour: [{ start: 9 }], minute: [{ start: 30 }] }] };

  test("are both inclusive", () => {
    const bounded = { ...daily, start_at: "2026-01-01T09:30:00Z", end_at: "2026-01-03T09:30:00Z" };
    expect(times(bounded, "2020-01-01T00:00:00Z", 9)).toEqual([
      "2026-01-01T09:30:00Z",
      "2026-01-02T09:30:00Z",
      "2026-01-03T09:30:00Z",
    ]);
  });

  test("a fraction of the start counts as its second, one of the end does not matter", () => {
    const bounded = { ...daily, start_at: "2026-01-01T09:30:00.900Z", end_at: "2026-01-02T09:29:59.999Z" };
    expect(times(bounded, "2020-01-01T00:00:00Z", 9)).toEqual(["2026-01-01T09:30:00Z"]);
  });

  test("an end before the start leaves nothing", () => {
    const bounded = { ...daily, start_at: "2026-01-05T00:00:00Z", end_at: "2026-01-01T00:00:00Z" };
    expect(times(bounded, "2020-01-01T00:00:00Z")).toEqual([]);
  });

  test("jitter may pass the end, up to the next time beyond it", () => {
    const bounded = { ...daily, end_at: "2026-01-01T09:30:00Z", jitter: "P30D" };
    expect(nextTime(compiled(bounded), at("2026-01-01T00:00:00Z"))).toMatchObject({
      nominal: at("2026-01-01T09:30:00Z"),
      windowEnd: at("2026-01-02T09:30:00Z"),
    });
  });
});

describe("skip", () => {
  const halfPastNine = { calendars: [{ hour: [{ start: 9 }], minute: [{ start: 30 }] }] };
  const christmas = { month: [{ start: 12 }], day_of_month: [{ start: 25 }] };

  test("a date alone covers the whole day", () => {
    expect(times({ ...halfPastNine, skip: [christmas] }, "2026-12-24T00:00:00Z", 2)).toEqual([
      "2026-12-24T09:30:00Z",
      "2026-12-26T09:30:00Z",
    ]);
  });

  test("with any part of the time given, the other parts default to zero", () => {
    expect(
      times({ ...halfPastNine, skip: [{ ...christmas, hour: [{ start: 9 }] }] }, "2026-12-24T12:00:00Z", 1),
    ).toEqual(["2026-12-25T09:30:00Z"]);
  });

  test("reads the zone's calendar, also for intervals", () => {
    const hourly = { intervals: [{ every: "PT1H" }], skip: [christmas], time_zone_name: "America/New_York" };
    expect(times(hourly, "2026-12-25T03:00:00Z", 2)).toEqual(["2026-12-25T04:00:00Z", "2026-12-26T05:00:00Z"]);
  });

  test("a skipped time still bounds the jitter of the one before it", () => {
    const spec = compiled({ ...halfPastNine, skip: [christmas], jitter: "P7D" });
    expect(nextTime(spec, at("2026-12-24T00:00:00Z"))?.windowEnd).toBe(at("2026-12-25T09:30:00Z"));
  });

  test("isSkipped answers for one instant", () => {
    const spec = compiled({ ...halfPastNine, skip: [christmas] });
    expect([isSkipped(spec, at("2026-12-25T23:59:59.999Z")), isSkipped(spec, at("2026-12-26T00:00:00Z"))]).toEqual([
      true,
      false,
    ]);
  });

  test("a century of skipped seconds is passed over in steps of days", () => {
    const secondly = { intervals: [{ every: "PT1S" }], skip: [{ year: [{ start: 2000, end: 2099 }] }] };
    // Second by second this would take three thousand million steps.
    expect(times({ ...secondly, time_zone_name: "Europe/Paris" }, "2026-01-01T00:00:00Z", 1)).toEqual([
      "2099-12-31T23:00:00Z",
    ]);
  });

  test("a spec whose every time is skipped has no next time, and the search ends soon", () => {
    const all = Array.from({ length: 60 }, (_, value) => ({ start: value }));
    for (const skip of [{}, { second: all, minute: all, hour: [{ start: 0, end: 23 }] }]) {
      for (const time_zone_name of ["UTC", "Europe/Paris"]) {
        const spec = { intervals: [{ every: "PT2S" }], skip: [skip], time_zone_name };
        expect(times(spec, "2026-01-01T00:00:00Z")).toEqual([]);
      }
    }
  });

  test("calendars whose every time is skipped have no next time, however many those are", () => {
    const all = { hour: [{ start: 0, end: 23 }], minute: [{ start: 0, end: 59 }] };
    const specs = [
      { cron_expressions: ["0 9 * * *"], skip: [{ hour: [{ start: 9 }] }] },
      { cron_expressions: ["0 9 * * 1-5", "30 8 * * 6"], skip: [all] },
      {
        calendars: [{ hour: [{ start: 9 }], year: [{ start: 2030 }] }],
        skip: [{ hour: [{ start: 9 }, { start: 10 }] }],
      },
    ];
    for (const spec of specs) {
      expect(times({ ...spec, time_zone_name: "Europe/Paris" }, "2026-01-01T00:00:00Z")).toEqual([]);
    }
    const weekdays = {
      cron_expressions: ["0 9 * * *"],
      skip: [{ hour: [{ start: 9 }], day_of_week: [{ start: 1, end: 6 }] }],
    };
    expect(times(weekdays, "2026-01-01T00:00:00Z", 2)).toEqual(["2026-01-04T09:00:00Z", "2026-01-11T09:00:00Z"]);
  });

  test("a search that meets skipped times one by one ends with an error at its budget", () => {
    const even = [{ start: 0, end: 59, step: 2 }];
    const skip = [{ second: even, minute: [{ start: 0, end: 59 }], hour: [{ start: 0, end: 23 }] }];
    const search = () => times({ intervals: [{ every: "PT2S" }], skip }, "2026-01-01T00:00:00Z");
    expect(search).toThrow(TooCostly);
    expect(search).toThrow(/skip excludes nearly all of them/);
  });

  test("the budget reaches over the skipped years of a yearly time in any zone", () => {
    const definition = {
      cron_expressions: ["30 9 1 1 *"],
      skip: [{ year: [{ start: 2027, end: 2050 }] }, { year: [{ start: 2052, end: 2062, step: 2 }] }],
      time_zone_name: "Europe/Paris",
    };
    expect(times(definition, "2026-06-01T00:00:00Z", 2)).toEqual(["2051-01-01T08:30:00Z", "2053-01-01T08:30:00Z"]);
  });
});

describe("the range of the search", () => {
  test("once in 28 years is found, in any zone (how quickly: bench/schedule.ts)", () => {
    for (const zone of ["UTC", "Africa/Casablanca", "Australia/Lord_Howe", "Europe/Dublin"]) {
      const spec = compiled(cron("0 12 29 2 sun", zone));
      const next = nextTime(spec, at("2032-03-01T00:00:00Z"));
      expect(formatInstant(next!.nominal)).toMatch(/^2060-02-29/);
    }
  });

  test("a calendar of past years has no next time", () => {
    expect(
      nextTime(compiled({ calendars: [{ year: [{ start: 2020 }] }] }), at("2021-01-01T00:00:00Z")),
    ).toBeUndefined();
  });

  test("2100 is the last year, by UTC", () => {
    expect(times(cron("0 12 31 12 *", "Pacific/Kiritimati"), "2099-12-01T00:00:00Z", 9)).toEqual([
      "2099-12-30T22:00:00Z",
      "2100-12-30T22:00:00Z",
    ]);
    expect(times({ intervals: [{ every: "PT1H" }] }, "2100-12-31T22:00:00Z", 9)).toEqual(["2100-12-31T23:00:00Z"]);
    expect(times(cron("0 20 31 12 *", "America/Los_Angeles"), "2100-01-01T12:00:00Z", 9)).toEqual([]);
  });
});

test("several sources that name one instant make one time", () => {
  const definition = {
    calendars: [{ hour: [{ start: 12 }] }],
    intervals: [{ every: "PT12H" }],
    cron_expressions: ["0 12 * * *"],
  };
  expect(times(definition, "2026-01-01T00:00:00Z", 3)).toEqual([
    "2026-01-01T12:00:00Z",
    "2026-01-02T00:00:00Z",
    "2026-01-02T12:00:00Z",
  ]);
});

test("the last raw time before an instant is the last one that the forward search finds before it", () => {
  const spec = compiled({ cron_expressions: ["0 9-10 * * 1", "@every 7h"] });
  const all = [...timesAfter(spec, at("2026-01-01T00:00:00Z")).take(60)].map(({ nominal }) => nominal);
  for (let until = at("2026-01-01T01:00:00Z"); until < all.at(-1)!; until += 1_234_567) {
    const expected = all.findLast((time) => time <= until);
    expect(lastRawTime(spec, at("2026-01-01T00:00:00Z"), until)).toBe(expected);
  }
  expect(lastRawTime(spec, all[3]!, all[3]! + 1000)).toBeUndefined();
});
