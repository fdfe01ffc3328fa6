import { expect, test } from "vitest";
import { similarZone, zoneNamed } from "./zone.ts";
import { zoneNames } from "./zone-names.ts";

/** Accepted by `Intl`, except the last four; none is a name of the IANA database. */
const ABBREVIATIONS =
  "ACT AET AGT ART AST BET BST CAT CNT CST CTT EAT ECT IET IST JST MIT NET NST PLT PNT PRT PST SST VST EDT CEST CDT PDT";

const second = (text: string) => Date.parse(text) / 1000;

test.each([
  ["Europe/Paris", "2026-03-29T01:00:00Z", 3600, 7200],
  ["Europe/Paris", "2026-10-25T01:00:00Z", 7200, 3600],
  ["America/New_York", "2026-03-08T07:00:00Z", -18_000, -14_400],
  ["Europe/Dublin", "2026-10-25T01:00:00Z", 3600, 0],
  ["Australia/Lord_Howe", "2024-10-05T15:30:00Z", 37_800, 39_600],
  ["Pacific/Apia", "2011-12-30T10:00:00Z", -36_000, 50_400],
  ["America/Caracas", "2016-05-01T07:00:00Z", -16_200, -14_400],
  ["Asia/Kathmandu", "1985-12-31T18:30:00Z", 19_800, 20_700],
  ["Africa/Casablanca", "2024-03-10T02:00:00Z", 3600, 0],
  ["Africa/Monrovia", "1972-01-07T00:44:30Z", -2670, 0],
  ["America/Argentina/Tucuman", "2004-06-13T04:00:00Z", -14_400, -10_800],
  ["US/Central", "2026-03-08T08:00:00Z", -21_600, -18_000],
])("%s changes at %s, to the second", (name, at, before, after) => {
  const zone = zoneNamed(name)!;
  expect(zone.pieceAt(second(at) - 1)).toMatchObject({ end: second(at), offset: before });
  expect(zone.pieceAt(second(at))).toMatchObject({ offset: after });
});

test("the offset of every piece is what Intl shows, over two centuries of random instants", () => {
  for (const name of ["Africa/Casablanca", "Europe/Dublin", "Australia/Lord_Howe", "America/Sao_Paulo", "Asia/Gaza"]) {
    const format = new Intl.DateTimeFormat("en", { timeZone: name, timeZoneName: "longOffset" });
    const zone = zoneNamed(name)!;
    for (let at = 0; at < second("2101-01-01T00:00:00Z"); at += 999_983) {
      const text = format.formatToParts(at * 1000).find((part) => part.type === "timeZoneName")!.value;
      const match = /GMT(?:([+-])(\d\d):(\d\d))?/.exec(text)!;
      const offset = (match[1] === "-" ? -1 : 1) * (Number(match[2] ?? 0) * 3600 + Number(match[3] ?? 0) * 60);
      expect(zone.pieceAt(at).offset).toBe(offset || 0);
    }
  }
});

test.each([
  "UTC",
  "Etc/UTC",
  "GMT",
  "EST5EDT",
  "Etc/GMT+5",
  "GB",
  "NZ-CHAT",
  "America/Port-au-Prince",
  "US/Central",
  "PRC",
  "EST",
  "MST7MDT",
  "CET",
  "W-SU",
  "Cuba",
  "Europe/Kyiv",
  "Asia/Kolkata",
  "Asia/Calcutta",
  "America/Coyhaique",
])("%s is a zone", (name) => {
  expect(zoneNamed(name)?.name).toBe(name);
});

test.each([
  "",
  "Local",
  "local",
  "+01:00",
  "europe/paris",
  "EUROPE/PARIS",
  "us/central",
  "US/CENTRAL",
  "Mars/Olympus",
  "utc",
  "Z",
  "GMT+5",
  "UTC+1",
  "US/Pacific-New",
  "Canada/East-Saskatchewan",
  "SystemV/EST5",
  "Factory",
  "posix/UTC",
  ...ABBREVIATIONS.split(" "),
])("%j is not a zone", (name) => {
  expect(zoneNamed(name)).toBeUndefined();
});

test("Intl accepts each name and alias of the IANA database", () => {
  expect(zoneNames().size).toBeGreaterThan(590);
  for (const name of zoneNames()) expect(() => new Intl.DateTimeFormat("en", { timeZone: name })).not.toThrow();
});

test("a name in the wrong case is recognised for the message", () => {
  expect(similarZone("europe/PARIS")).toBe("Europe/Paris");
});
