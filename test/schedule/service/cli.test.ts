/** `sirocco schedule …`, run in this process against its own installation. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Io } from "../../../cli/io.ts";
import { main } from "../../../cli/main.ts";
import { HOUR, MINUTE, type Stage, stage } from "./stage.ts";

let s: Stage;
let folder: string;
beforeAll(async () => {
  s = await stage();
  folder = mkdtempSync(join(tmpdir(), "sirocco-cli-"));
});
afterAll(async () => {
  await s.close();
  rmSync(folder, { recursive: true });
});

async function sirocco(args: string[], o: { stdin?: string; offline?: true } = {}) {
  const out: string[] = [];
  const err: string[] = [];
  const io: Io = {
    out: (line) => void out.push(line),
    err: (line) => void err.push(line),
    stdin: async () => o.stdin ?? "",
    env: o.offline ? {} : { SIROCCO_URL: s.server.url, SIROCCO_API_KEY: s.key },
    cwd: folder,
    color: false,
    terminal: true,
    columns: null,
    signal: new AbortController().signal,
  };
  const exit = await main(["schedule", ...args], io);
  return { exit, out: out.join("\n"), err: err.join("\n") };
}
async function ok(args: string[], o: { stdin?: string; offline?: true } = {}): Promise<string> {
  const done = await sirocco(args, o);
  expect(done).toMatchObject({ exit: 0 });
  return done.out;
}
const json = async (args: string[], o: { stdin?: string; offline?: true } = {}) =>
  JSON.parse(await ok([...args, "--json"], o)) as Record<string, never> & unknown[];

describe("preview needs no server", () => {
  const offline = { offline: true } as const;

  test("it prints the times of a cron line in a zone as a JSON array", async () => {
    const args = ["preview", "--cron", "0 9 * * 1-5", "--tz", "Europe/Paris", "--after", "2026-03-27T00:00:00Z"];
    expect(await json([...args, "--count", "5"], offline)).toEqual([
      "2026-03-27T08:00:00Z",
      "2026-03-30T07:00:00Z",
      "2026-03-31T07:00:00Z",
      "2026-04-01T07:00:00Z",
      "2026-04-02T07:00:00Z",
    ]);
  });

  test("it takes a whole definition from a file or standard input, and flags that replace its parts", async () => {
    const spec = { intervals: [{ every: "PT4H", offset: "PT30M" }], end_at: "2026-01-01T05:00:00Z", input: {} };
    writeFileSync(join(folder, "spec.json"), JSON.stringify(spec));
    const times = ["2026-01-01T00:30:00Z", "2026-01-01T04:30:00Z"];
    const after = ["--after", "2026-01-01"];
    expect(await json(["preview", "--spec", "spec.json", ...after], offline)).toEqual(times);
    expect(await json(["preview", "--spec", "-", ...after], { ...offline, stdin: JSON.stringify(spec) })).toEqual(
      times,
    );
    const replaced = await json(["preview", "--spec", "spec.json", "--every", "1h30m", ...after], offline);
    expect(replaced).toEqual(["2026-01-01T01:30:00Z", "2026-01-01T03:00:00Z", "2026-01-01T04:30:00Z"]);
  });

  test("it shows zone, UTC and distances, and the changes of the clocks", async () => {
    const args = ["preview", "--cron", "30 2 * * *", "--tz", "Europe/Paris", "--after", "2026-10-24", "-n", "4"];
    const lines = (await ok(args, offline)).split("\n");
    expect(lines[0]).toMatch(/EUROPE\/PARIS +UTC +DISTANCE/);
    expect(lines[2]).toMatch(/2 +Sun 2026-10-25 02:30:00 \+02:00 +2026-10-25T00:30:00Z +\+1 d$/);
    expect(lines[3]).toMatch(/Sun 2026-10-25 02:30:00 \+01:00 .*\+1 h +clocks back 1 h: the same wall time again$/);
    const spring = ["preview", "--cron", "0 9 * * *", "--tz", "Europe/Paris", "--after", "2026-03-28", "-n", "2"];
    expect((await ok(spring, offline)).split("\n")[2]).toMatch(/\+23 h +clocks forward 1 h$/);
  });

  test("it says that the definition ends, or never fires", async () => {
    const ended = await sirocco(["preview", "--every", "P1D", "--end", "2026-01-02", "--after", "2026-01-01"], offline);
    expect(ended).toMatchObject({ exit: 0, err: "no further times" });
    expect(await sirocco(["preview", "--every", "1d", "--end", "2020-01-01"], offline)).toMatchObject({
      exit: 0,
      out: "",
      err: "it never fires",
    });
  });

  const refusals: [string[], RegExp][] = [
    [["--cron", "0 9 30 2 *"], /cron_expressions\[0\] is "0 9 30 2 \*"; it can never match/],
    [["--cron", "0 9 * * 1#2", "--tz", "Mars"], /cron_expressions\[0\][\s\S]*time_zone_name is "Mars"/],
    [["--every", "soon"], /--every: "soon" is not a duration/],
    [["--offset", "1m"], /--offset shifts intervals: it needs --every/],
    [["--after", "tomorrow"], /--after is 'tomorrow'/],
    [["--count", "1001"], /at most 1000/],
    [["--spec", "nowhere.json"], /nowhere\.json cannot be read/],
    [["--spec", "-"], /Standard input is not JSON/],
  ];
  test.each(refusals)("it refuses %j with exit code 2", async (args, message) => {
    const refused = await sirocco(["preview", ...args], offline);
    expect(refused).toMatchObject({ exit: 2, out: "" });
    expect(refused.err).toMatch(message);
  });

  test("for a misspelt key of a definition it suggests the right one", async () => {
    const stdin = JSON.stringify({ cron_expression: ["@daily"], workflow_name: "x" });
    const { err } = await sirocco(["preview", "--spec", "-"], { ...offline, stdin });
    expect(err).toContain("did you mean 'cron_expressions'?");
    expect(err).not.toContain("workflow_name");
  });
});

test("create, trigger, pause, get, resume, update, backfill, log and delete work on one schedule", async () => {
  const flags = ["--every", "1h", "--tz", "Europe/Paris", "--overlap", "allow-all", "--catchup", "1d"];
  const input = ["--input", '{"customer":"ada"}', "--pause-on-failure", "--max", "9"];
  const made = await json(["create", "orders", "--id", "report", ...flags, ...input]);
  expect(made).toMatchObject({
    schedule_id: "report",
    intervals: [{ every: "PT1H", offset: null }],
    time_zone_name: "Europe/Paris",
    policy: { overlap: 6, catchup_window_seconds: 86_400, pause_on_failure: true },
    remaining_executions: 9,
    input: { customer: "ada" },
  });
  await s.pass(2 * HOUR);
  expect(await ok(["trigger", "report"])).toMatch(/^started {2}report-.*-m1; by hand$/);
  expect(await ok(["pause", "report", "--note", "inventory"])).toBe("report paused");
  const shown = await ok(["get", "report"]);
  expect(shown).toMatch(/state: +paused: inventory/);
  expect(shown).toMatch(/rule: +every PT1H \(Europe\/Paris\)/);
  expect(shown).toMatch(/Running\n {2}report-20270115T090000Z {2}running/);
  expect(shown).toContain("Next times, once it is resumed");
  expect(await ok(["resume", "report"])).toBe("report resumed");
  const changed = ["update", "report", "--cron", "0 3 * * *", "--clear", "every", "--clear", "max"];
  expect(await json([...changed, "--clear", "pause-on-failure"])).toMatchObject({
    cron_expressions: ["0 3 * * *"],
    intervals: [],
    remaining_executions: null,
    policy: { overlap: 6, catchup_window_seconds: 86_400, pause_on_failure: false },
    input: { customer: "ada" },
  });
  const range = ["--from", "2027-01-10", "--to", "2027-01-12", "--overlap", "allow-all"];
  expect(await ok(["backfill", "report", ...range])).toBe("2 runs requested");
  const log = (await ok(["log", "report"])).split("\n");
  expect(log[0]).toMatch(/^DUE +OUTCOME/);
  expect(log).toHaveLength(1 + 2 + 1 + 2);
  expect((await json(["log", "report", "-n", "2"])) as never).toMatchObject({
    entries: [{ nominal_at: "2027-01-11T02:00:00Z" }, { nominal_at: "2027-01-10T02:00:00Z" }],
  });
  expect(await ok(["delete", "report"])).toBe("report deleted");
  expect(await sirocco(["get", "report"])).toMatchObject({ exit: 1, err: expect.stringContaining("schedule list") });
});

test("list shows schedules, with filters", async () => {
  await ok(["create", "orders", "--id", "a-1", "--cron", "0 3 * * *"]);
  await ok(["create", "strict", "--id", "b-1", "--input", '{"n":1}']);
  await ok(["pause", "b-1"]);
  expect((await ok(["list"])).split("\n")).toHaveLength(3);
  expect(await ok(["list", "--status", "paused"])).toMatch(/b-1 +strict +paused +- +by hand/);
  expect(await json(["list", "--search", "a-", "--workflow", "orders", "--user", "current"])).toMatchObject({
    schedules: [{ schedule_id: "a-1" }],
  });
  expect((await sirocco(["list", "--limit", "1"])).err).toContain("more schedules match");
  expect(await sirocco(["list", "--status", "late"])).toMatchObject({ exit: 2 });
});

test("a refusal of the server is printed in its words, with exit code 1", async () => {
  const unfit = await sirocco(["create", "strict", "--id", "c-1"]);
  expect(unfit).toMatchObject({ exit: 1, out: "", err: expect.stringContaining("schedule.input.n: Field required") });
  const unknown = await sirocco(["create", "nowhere"]);
  expect(unknown.err).toContain("`sirocco workflows` lists the registered workflows");
  expect((await sirocco(["update", "a-1"])).err).toContain("No change was given");
  expect((await sirocco(["update", "a-1", "--clear", "all"])).err).toContain("it must be one of cron, every");
  expect((await sirocco(["trigger", "a-1", "--overlap", "maybe"])).err).toContain("skip, buffer-one");
});

test("log shows why a due time started nothing", async () => {
  await ok(["create", "orders", "--id", "why", "--every", "1m"]);
  await s.pass(2 * MINUTE);
  expect(await ok(["log", "why"])).toMatch(/skipped overlap +a run is active$/m);
});

describe("trigger tells the outcome of its own run", () => {
  test("a run that is dropped or refused, also after an earlier one that started, is exit code 1", async () => {
    await ok(["create", "orders", "--id", "dropped"]);
    expect(await ok(["trigger", "dropped"])).toMatch(/^started {2}dropped-.*-m1; by hand$/);
    expect(await sirocco(["trigger", "dropped"])).toEqual({
      exit: 1,
      out: "skipped overlap  a run is active; by hand",
      err: "",
    });
    expect(await ok(["trigger", "dropped", "--overlap", "buffer-one"])).toMatch(/^buffered/);
    const input_schema = { type: "object", properties: { m: { type: "integer" } }, required: ["m"] };
    await ok(["create", "orders", "--id", "unfit", "--overlap", "allow-all"]);
    await ok(["trigger", "unfit"]);
    const changed = await s.worker("shop", [{ name: "orders", input_schema }]);
    expect(await sirocco(["trigger", "unfit"])).toMatchObject({
      exit: 1,
      out: expect.stringMatching(/^refused {2}.*input\.m/),
    });
    await changed.stop();
  });

  test("a run that no worker can take yet is not told by the outcome of an earlier one", async () => {
    await s.worker("night", [{ name: "patient", execution_timeout: null }]).then(async (worker) => {
      await ok(["create", "patient", "--id", "early", "--overlap", "allow-all"]);
      await ok(["trigger", "early"]);
      await worker.stop();
    });
    await s.clock.advance(MINUTE);
    const pending = await sirocco(["trigger", "early"]);
    expect(pending).toMatchObject({ exit: 0, out: expect.stringContaining("has not started yet") });
    await s.clock.advance(MINUTE);
    expect(await json(["trigger", "early"])).toEqual({ outcome: "starting" });
    await s.worker("night", [{ name: "patient", execution_timeout: null }]);
    await s.clock.advance(MINUTE);
    expect(await ok(["trigger", "early"])).toMatch(/-m4; by hand$/);
  });
});

test("an unknown or missing command is answered with the known ones", async () => {
  expect(await sirocco([])).toMatchObject({ exit: 2, out: expect.stringContaining("preview") });
  expect(await sirocco(["previw"])).toMatchObject({ exit: 2, err: expect.stringContaining("did you mean 'preview'?") });
  expect((await sirocco(["--help"])).out).toContain("sirocco schedule <command> --help");
  expect((await sirocco(["create", "--help"])).out).toContain("Usage: sirocco schedule create <workflow> [options]");
});
