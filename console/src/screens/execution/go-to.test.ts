import { expect, test } from "vitest";
import { momentOf } from "./go-to.tsx";

const near = Date.parse("2026-06-15T22:30:00Z");

test.each([
  ["2026-01-31T09:30:00Z", "UTC", "2026-01-31T09:30:00Z"],
  ["2026-01-31T09:30:00.250+01:00", "UTC", "2026-01-31T08:30:00.250Z"],
  ["2026-01-31 09:30:00", "Europe/Berlin", "2026-01-31T08:30:00Z"],
  ["2026-01-31 09:30", "Asia/Kolkata", "2026-01-31T04:00:00Z"],
  [" 01:05 ", "Europe/Berlin", "2026-06-15T23:05:00Z"], // there it is the 16th
])("'%s' in %s is %s", (text, zone, wanted) => {
  expect(momentOf(text, zone, near)).toBe(Date.parse(wanted));
});

test.each(["soon", "", "25:00", "2026-13-01 00:00", "2026-01-31"])("'%s' is no time", (text) => {
  expect(momentOf(text, "UTC", near)).toBeNull();
});
