import { describe, expect, test } from "vitest";
import { parseCron } from "./cron.ts";
import type { Field } from "./fields.ts";

/** The values of the restricted fields, sorted. */
function values(text: string): Partial<Record<Field, number[]>> {
  const source = parseCron(text);
  if (!("values" in source)) throw new Error(JSON.stringify(source));
  const entries = Object.entries(source.values).filter(([, set]) => set !== undefined);
  return Object.fromEntries(entries.map(([field, set]) => [field, [...set!].sort((a, b) => a - b)]));
}

function problem(text: string): string {
  const source = parseCron(text);
  return "problem" in source ? source.problem : "accepted";
}

test.each<[string, Partial<Record<Field, number[]>>]>([
  ["* * * * *", { second: [0] }],
  ["0 9 * * 1-5", { second: [0], minute: [0], hour: [9], day_of_week: [1, 2, 3, 4, 5] }],
  ["0 9 13 * 5", { second: [0], minute: [0], hour: [9], day_of_month: [13], day_of_week: [5] }],
  ["*/20 5/10 * * *", { second: [0], minute: [0, 20, 40], hour: [5, 15] }],
  ["1-10/4,30 0 * * *", { second: [0], minute: [1, 5, 9, 30], hour: [0] }],
  ["05 09 * * *", { second: [0], minute: [5], hour: [9] }],
  ["0 0 1 1 * 2030", { second: [0], minute: [0], hour: [0], day_of_month: [1], month: [1], year: [2030] }],
  ["15 0 0 * * * 2030-2032", { second: [15], minute: [0], hour: [0], year: [2030, 2031, 2032] }],
  ["*/30 * * * * * *", { second: [0, 30] }],
  ["* * * * 5-7", { second: [0], day_of_week: [0, 5, 6] }],
  ["* * * * 1-7/2", { second: [0], day_of_week: [0, 1, 3, 5] }],
  ["* * * * 0/7", { second: [0], day_of_week: [0] }],
  ["* * * * 7", { second: [0], day_of_week: [0] }],
  ["* * * jan,MARC,decem *", { second: [0], month: [1, 3, 12] }],
  ["* * * feb/5 *", { second: [0], month: [2, 7, 12] }],
  ["* * * * mo-Fri", { second: [0], day_of_week: [1, 2, 3, 4, 5] }],
  ["* * * * tues,thursday", { second: [0], day_of_week: [2, 4] }],
  ["  0   9 * *\t1 ", { second: [0], minute: [0], hour: [9], day_of_week: [1] }],
  ["0 9 * * 1 # the # weekly one", { second: [0], minute: [0], hour: [9], day_of_week: [1] }],
  ["@yearly", { second: [0], minute: [0], hour: [0], day_of_month: [1], month: [1] }],
  ["@annually", { second: [0], minute: [0], hour: [0], day_of_month: [1], month: [1] }],
  ["@monthly", { second: [0], minute: [0], hour: [0], day_of_month: [1] }],
  ["@weekly", { second: [0], minute: [0], hour: [0], day_of_week: [0] }],
  ["@daily", { second: [0], minute: [0], hour: [0] }],
  ["@midnight # again", { second: [0], minute: [0], hour: [0] }],
  ["@hourly", { second: [0], minute: [0] }],
])("%s restricts exactly the fields it names", (text, expected) => {
  expect(values(text)).toEqual(expected);
});

test.each([
  ["", "it has 0 fields"],
  ["# nothing", "it has 0 fields"],
  ["* * * *", "it has 4 fields"],
  ["* * * * * * * *", "it has 8 fields"],
  ["60 * * * *", "60 is out of range; allowed are * and 0 to 59"],
  ["* 24 * * *", "out of range"],
  ["* * 0 * *", "out of range"],
  ["* * 32 * *", "out of range"],
  ["* * * 13 *", "out of range"],
  ["* * * * 8", "out of range"],
  ["* * * * * 1999", "allowed are * and 2000 to 2100"],
  ["* 22-2 * * *", "ranges do not wrap"],
  ["* * * * fri-tues", "ranges do not wrap"],
  ["* * * * sat-sun", "ranges do not wrap"],
  ["*/0 * * * *", "1 or more"],
  ["*/x * * * *", "1 or more"],
  ["1/2/3 * * * *", "only one /"],
  ["1-2-3 * * * *", "only one -"],
  ["1,,2 * * * *", "empty"],
  ["1, * * * *", "empty"],
  ["1.5 * * * *", "is not a value"],
  ["-1 * * * *", "a value is missing"],
  ["* * * ja *", "is not a value"],
  ["* * * * m", "is not a value"],
  ["* * * * monx", "is not a value"],
  ["mon * * * *", "is not a value"],
  ["* * ? * *", "not supported"],
  ["* * L * *", "not supported"],
  ["* * 15W * *", "not supported"],
  ["* * * * 5L", "not supported"],
  ["0 9 * * 1#2", '"1#2" is not supported'],
  ["@daily#x", "not supported"],
  ["@reboot", "is not a macro"],
  ["@Daily", "is not a macro"],
  ["@toString", "is not a macro"],
  ["@every", "@every <duration>"],
  ["@every ten", "allowed are numbers with the units"],
  ["@every 1h30", "allowed are numbers with the units"],
  ["@every 500ms", "1 second and more"],
  ["@every -1h", "allowed are numbers"],
  ["@every 1h/1h", "less than the interval of 3600 seconds"],
  ["@every 1h/1m/1s", "one duration and one offset"],
  ["CRON_TZ=Europe/Paris @every 1h", "leave the zone prefix out"],
  [`* * * * * # ${"x".repeat(201)}`, "200 bytes"],
])("%s is refused and says why", (text, why) => {
  expect(problem(text)).toContain(why);
});

describe("@every", () => {
  test.each([
    ["@every 90s", { every: 90, offset: 0 }],
    ["@every 1h30m", { every: 5400, offset: 0 }],
    ["@every 1.5h", { every: 5400, offset: 0 }],
    ["@every 2d12h/30m", { every: 216_000, offset: 1800 }],
    ["@every 1500ms", { every: 1, offset: 0 }],
  ])("%s is an interval", (text, interval) => {
    expect(parseCron(text)).toEqual({ zone: undefined, interval });
  });
});

test.each([
  "CRON_TZ=Europe/Paris 0 9 * * *",
  "TZ=Europe/Paris   0 9 * * *",
  " TZ=Europe/Paris @daily",
])("%s carries its zone", (text) => {
  expect(parseCron(text)).toMatchObject({ zone: "Europe/Paris" });
});
