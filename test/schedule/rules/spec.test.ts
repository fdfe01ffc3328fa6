/** The search for due times against brute force, around unusual changes of time zones. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Steps } from "../../../shared/schedule/rules/steps.ts";
import { nextTime, timesAfter } from "../../../shared/schedule/rules/times.ts";
import { validateSpec } from "../../../shared/schedule/rules/validate.ts";
import {
  bruteTimes,
  Clock,
  type NaiveCalendar,
  type NaiveDefinition,
  type NaiveField,
  type NaiveRange,
} from "./brute.ts";

const HOUR = 3_600_000;
const unlimited = () => new Steps(Number.POSITIVE_INFINITY);

/** A zone, the moment in the middle of the tested span, and its peculiarity. */
const CHANGES: [zone: string, at: string, why: string][] = [
  ["UTC", "2024-02-29T12:00:00Z", "a leap day"],
  ["UTC", "2100-02-28T12:00:00Z", "2100 has no leap day"],
  ["Asia/Kathmandu", "2024-12-31T18:15:00Z", "an offset of 5:45"],
  ["Asia/Kathmandu", "1985-12-31T18:30:00Z", "a jump of 15 minutes"],
  ["America/New_York", "2026-03-08T07:00:00Z", "forward, west"],
  ["America/New_York", "2026-11-01T06:00:00Z", "back, west"],
  ["Europe/Paris", "2024-03-31T01:00:00Z", "forward, east"],
  ["Europe/Paris", "2024-10-27T01:00:00Z", "back, east"],
  ["Europe/Dublin", "2024-10-27T01:00:00Z", "winter time is the negative saving"],
  ["Europe/Dublin", "2024-03-31T01:00:00Z", "summer time is the standard"],
  ["Africa/Casablanca", "2024-03-10T02:00:00Z", "back for Ramadan"],
  ["Africa/Casablanca", "2024-04-14T02:00:00Z", "forward after it"],
  ["Australia/Lord_Howe", "2024-10-05T15:30:00Z", "forward by 30 minutes"],
  ["Australia/Lord_Howe", "2024-04-06T15:00:00Z", "back by 30 minutes"],
  ["Pacific/Apia", "2011-12-30T10:00:00Z", "a whole day is missing"],
  ["Pacific/Kwajalein", "1993-08-21T12:00:00Z", "a whole day is missing"],
  ["America/Caracas", "2016-05-01T07:00:00Z", "forward by 30 minutes for good"],
  ["America/Havana", "2024-11-03T05:00:00Z", "midnight occurs twice"],
  ["America/Sao_Paulo", "2018-11-04T03:00:00Z", "midnight does not exist"],
  ["Asia/Gaza", "2040-10-27T00:00:00Z", "two changes within a week"],
];

const clocks = CHANGES.map(([zone, at]) => {
  const middle = Math.floor(Date.parse(at) / 60_000) * 60_000;
  return new Clock(zone, middle - 26 * HOUR, middle + 26 * HOUR);
});

const LIMITS: Record<NaiveField, [number, number]> = {
  second: [0, 59],
  minute: [0, 59],
  hour: [0, 23],
  day_of_month: [1, 31],
  month: [1, 12],
  year: [2000, 2100],
  day_of_week: [0, 6],
};

const range = (field: NaiveField) => {
  const [min, max] = LIMITS[field];
  return fc.oneof(
    fc.integer({ min, max }).map((start) => ({ start })),
    fc
      .tuple(fc.integer({ min, max }), fc.integer({ min, max }), fc.integer({ min: 0, max: 12 }))
      .map(([a, b, step]) => ({ start: Math.min(a, b), end: Math.max(a, b), step })),
    fc.constant({ start: min, end: max, step: 0 }),
  );
};
const ranges = (field: NaiveField) => fc.array(range(field), { minLength: 0, maxLength: 3 });
const list = (field: NaiveField) => fc.option(ranges(field), { nil: undefined, freq: 2 });

/** Hours are mostly those of the night, when zones change; dates are mostly left out. */
const calendar: fc.Arbitrary<NaiveCalendar> = fc
  .record({
    second: fc.oneof({ weight: 3, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: ranges("second") }),
    minute: list("minute"),
    hour: fc.oneof(list("hour"), fc.constant([{ start: 0, end: 4 }]), fc.constant([{ start: 0, end: 23 }])),
    day_of_month: fc.oneof(
      { weight: 3, arbitrary: fc.constant(undefined) },
      { weight: 1, arbitrary: ranges("day_of_month") },
    ),
    month: fc.oneof({ weight: 3, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: ranges("month") }),
    year: fc.oneof({ weight: 6, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: ranges("year") }),
    day_of_week: fc.oneof(
      { weight: 3, arbitrary: fc.constant(undefined) },
      { weight: 1, arbitrary: ranges("day_of_week") },
    ),
  })
  .map((each) => JSON.parse(JSON.stringify(each)));

const cronField = (min: number, max: number) =>
  fc.oneof(
    fc.constant("*"),
    fc.integer({ min: 1, max: 20 }).map((step) => `*/${step}`),
    fc.integer({ min, max }).map(String),
    fc.tuple(fc.integer({ min, max }), fc.integer({ min: 1, max: 20 })).map(([x, step]) => `${x}/${step}`),
    fc
      .tuple(fc.integer({ min, max }), fc.integer({ min, max }), fc.integer({ min: 1, max: 9 }))
      .map(([a, b, step]) => `${Math.min(a, b)}-${Math.max(a, b)}/${step},${a}`),
  );
const cron = fc
  .record({
    seconds: fc.option(cronField(0, 59), { nil: undefined }),
    five: fc.tuple(cronField(0, 59), cronField(0, 23), fc.constant("*"), fc.constant("*"), cronField(0, 7)),
    dayOfMonth: fc.option(cronField(1, 28), { nil: "*" }),
  })
  .map(({ seconds, five: [minute, hour, , month, weekday], dayOfMonth }) => {
    const five = `${minute} ${hour} ${dayOfMonth} ${month} ${weekday}`;
    return seconds === undefined ? five : `${seconds} ${five} *`;
  });

const interval = fc
  .tuple(fc.integer({ min: 7, max: 200_000 }), fc.integer({ min: 0, max: 200_000 }))
  .map(([every, offset]) => ({ every, offset: offset % every }));

/** Once a year, at the wall time of a minute near the change: a search that ignores repeated wall times misses the second. */
const pinned = (clock: Clock) =>
  fc.integer({ min: -180, max: 180 }).map((minutes): NaiveCalendar => {
    const wall = clock.minutes[Math.floor(clock.minutes.length / 2) + minutes]!;
    const only = (value: number) => [{ start: value }];
    return {
      minute: only(wall.minute),
      hour: only(wall.hour),
      day_of_month: only(wall.day_of_month),
      month: only(wall.month),
    };
  });

const definition = (clock: Clock): fc.Arbitrary<NaiveDefinition> => {
  const end = clock.start + clock.minutes.length * 60_000;
  const instant = fc.option(fc.integer({ min: clock.start, max: end }), { nil: undefined, freq: 3 });
  return fc
    .record({
      calendars: fc.oneof(
        fc.array(calendar, { maxLength: 3 }),
        fc.array(pinned(clock), { minLength: 1, maxLength: 2 }),
      ),
      naiveIntervals: fc.oneof(
        fc.constant<{ every: number; offset: number }[]>([]),
        fc.array(interval, { maxLength: 2 }),
      ),
      cron_expressions: fc.oneof(fc.constant<string[]>([]), fc.array(cron, { maxLength: 2 })),
      skip: fc.array(calendar, { maxLength: 2 }),
      start: instant,
      end: instant,
    })
    .map(({ start, end, ...rest }) => ({
      ...rest,
      time_zone_name: clock.zone,
      ...(start === undefined ? {} : { start_at: new Date(start).toISOString() }),
      ...(end === undefined ? {} : { end_at: new Date(end).toISOString() }),
    }));
};

function compiled(naive: NaiveDefinition, more: object = {}) {
  const intervals = naive.naiveIntervals?.map(({ every, offset }) => ({
    every: `PT${every}S`,
    offset: `PT${offset}S`,
  }));
  const validated = validateSpec({ ...naive, intervals, ...more });
  if ("issues" in validated) return undefined;
  return validated.spec;
}

describe("the times of any definition are those that brute force finds", () => {
  test.each(
    CHANGES.map(([zone, at, why], index) => ({ zone, at, why, clock: clocks[index]! })),
  )("$zone at $at ($why)", ({ clock }) => {
    const last = clock.start + clock.minutes.length * 60_000 - 1000;
    fc.assert(
      fc.property(definition(clock), (naive) => {
        const spec = compiled(naive);
        fc.pre(spec !== undefined);
        const expected = bruteTimes(naive, clock);
        const times: number[] = [];
        for (const { nominal } of timesAfter(spec!, clock.start - 1, { steps: unlimited() })) {
          if (nominal > last) break;
          times.push(nominal);
        }
        expect(times).toEqual(expected);
      }),
      { numRuns: 15 },
    );
  });
});

test("from any instant, the next time is the first later one", () => {
  fc.assert(
    fc.property(
      fc
        .constantFrom(...clocks)
        .chain((clock) => fc.record({ naive: definition(clock), clock: fc.constant(clock), part: fc.nat(999) })),
      ({ naive, clock, part }) => {
        const spec = compiled(naive);
        fc.pre(spec !== undefined);
        const from = clock.start + clock.minutes.length * 60 * part;
        const next = nextTime(spec!, from, { steps: unlimited() })?.nominal;
        if (next !== undefined) expect(next).toBeGreaterThan(from);
        const last = clock.start + clock.minutes.length * 60_000;
        const expected = bruteTimes(naive, clock).find((time) => time > from);
        expect(next !== undefined && next < last ? next : undefined).toBe(expected);
      },
    ),
    { numRuns: 150 },
  );
});

test("jitter keeps order, stays in its window and below the next raw time, and depends on the seed", () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...clocks).chain((clock) => fc.record({ naive: definition(clock), clock: fc.constant(clock) })),
      fc.integer({ min: 1, max: 90_000 }),
      fc.string(),
      ({ naive, clock }, seconds, seed) => {
        const plain = compiled({ ...naive, skip: [] });
        const spec = compiled(naive, { jitter: `PT${seconds}S` });
        const noEnd = compiled({ ...naive, skip: [], end_at: undefined });
        fc.pre(spec !== undefined && plain !== undefined);
        let count = 0;
        for (const { nominal, actual, windowEnd } of timesAfter(spec!, clock.start - 1, { seed, steps: unlimited() })) {
          if (count++ > 50) break;
          const nextRaw = nextTime(noEnd!, nominal, { steps: unlimited() })?.nominal ?? Infinity;
          expect(windowEnd).toBe(Math.min(nominal + seconds * 1000, nextRaw));
          expect(actual).toBeGreaterThanOrEqual(nominal);
          expect(actual).toBeLessThan(windowEnd!);
          expect(nextTime(spec!, nominal - 1, { seed, steps: unlimited() })).toEqual({ nominal, actual, windowEnd });
        }
      },
    ),
    { numRuns: 100 },
  );
});

test("rare dates are found over a century, compared with a check of every local date", () => {
  const day = 24 * HOUR;
  const fewDates = fc.record({
    day_of_month: fc.constantFrom<NaiveRange[][]>(
      [{ start: 29 }],
      [{ start: 31 }],
      [{ start: 13 }],
      [{ start: 29, end: 31 }],
    ),
    month: fc.constantFrom<NaiveRange[][]>([{ start: 2 }], [{ start: 1, end: 12, step: 5 }], [{ start: 12 }]),
    day_of_week: fc.constantFrom<NaiveRange[][]>([{ start: 0 }], [{ start: 5 }], [{ start: 1, end: 3 }]),
    hour: fc.integer({ min: 0, max: 23 }).map((start) => [{ start }]),
  });
  fc.assert(
    fc.property(fc.constantFrom("UTC", "Europe/Paris", "Pacific/Apia", "America/Havana"), fewDates, (zone, each) => {
      const spec = compiled({ calendars: [each], time_zone_name: zone });
      fc.pre(spec !== undefined);
      const expected: number[] = [];
      for (let at = Date.UTC(2000, 0, 1); at < Date.UTC(2101, 0, 1); at += day) {
        const date = new Date(at);
        const matches =
          bruteHas(each.month, date.getUTCMonth() + 1) &&
          bruteHas(each.day_of_month, date.getUTCDate()) &&
          bruteHas(each.day_of_week, date.getUTCDay());
        if (!matches) continue;
        const clock = new Clock(zone, at - 16 * HOUR, at + 40 * HOUR);
        const found = bruteTimes({ calendars: [each] }, clock);
        expected.push(...found.filter((time) => time >= Date.UTC(2000, 0, 1, 16)));
      }
      const times = [...timesAfter(spec!, Date.UTC(2000, 0, 1, 16) - 1, { steps: unlimited() })].map(
        ({ nominal }) => nominal,
      );
      expect(times).toEqual([...new Set(expected)]);
    }),
    { numRuns: 3 },
  );
});

function bruteHas(ranges: NaiveRange[], value: number): boolean {
  return ranges.some(
    ({ start, end = start, step = 1 }) => value >= start && value <= end && (value - start) % step === 0,
  );
}
