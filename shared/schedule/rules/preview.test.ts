import { expect, test } from "vitest";
import { preview } from "./preview.ts";

const after = Date.parse("2026-03-27T00:00:00Z");

test("times are nominal, UTC, strictly later, in order; windows come with jitter alone", () => {
  expect(preview({ cron_expressions: ["0 9 * * 1-5"], time_zone_name: "Europe/Paris" }, { after, count: 3 })).toEqual({
    times: ["2026-03-27T08:00:00Z", "2026-03-30T07:00:00Z", "2026-03-31T07:00:00Z"],
    exhausted: false,
  });
});

test("a window is the span in which a run may start, and ends at the next time at the latest", () => {
  expect(preview({ intervals: [{ every: "PT1H" }], jitter: "PT90M" }, { after, count: 1 })).toEqual({
    times: ["2026-03-27T01:00:00Z"],
    windows: [{ not_before: "2026-03-27T01:00:00Z", before: "2026-03-27T02:00:00Z" }],
    exhausted: false,
  });
  expect(preview({ intervals: [{ every: "PT1H" }], jitter: "PT0.25S" }, { after, count: 1 })).toMatchObject({
    windows: [{ not_before: "2026-03-27T01:00:00Z", before: "2026-03-27T01:00:00.250Z" }],
  });
});

test.each([
  ["the end", { calendars: [{}], end_at: "2026-03-29T00:00:00Z" }, 5, 2, true],
  ["the end, exactly reached", { calendars: [{}], end_at: "2026-03-29T00:00:00Z" }, 2, 2, true],
  ["the end, not reached", { calendars: [{}], end_at: "2026-03-29T00:00:00Z" }, 1, 1, false],
  ["max_executions", { calendars: [{}], max_executions: 3 }, 5, 3, true],
  ["max_executions, exactly reached", { calendars: [{}], max_executions: 3 }, 3, 3, true],
  ["max_executions, not reached", { calendars: [{}], max_executions: 3 }, 2, 2, false],
  ["nothing at all", {}, 5, 0, true],
])("exhausted is true if no more times follow: %s", (_, definition, count, length, exhausted) => {
  const shown = preview(definition, { after, count });
  if ("issues" in shown) throw new Error("refused");
  expect([shown.times.length, shown.exhausted]).toEqual([length, exhausted]);
});

test("an invalid definition gives its issues", () => {
  expect(preview({ cron_expressions: ["0 0 30 2 *"] }, { after, count: 1 })).toMatchObject({
    issues: [{ loc: ["cron_expressions", 0] }],
  });
});
