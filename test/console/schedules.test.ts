/** Schedules in the console: the preview, the form, the calendar. All times come from the server. */
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { definitionOf, draftOfJson } from "../../console/src/screens/schedules/definition.ts";
import { DEFAULT_WORKSPACE } from "../../shared/api/index.ts";
import { createSchedule, preview as previewOf } from "../../shared/schedule/rules/index.ts";
import { CHROMIUM, write } from "./support/browser.ts";
import { ConsoleWorld } from "./support/console.ts";
import { SOME_SPECS, SPECS } from "./support/specs.ts";
import { activities, workflows } from "./support/workflows.ts";

const times = (page: Page): Promise<(string | null)[]> =>
  page
    .locator("[data-time]")
    .evaluateAll((all) => all.map((one) => (one as unknown as { dataset: { time: string } }).dataset.time));

test("32: of 340 rules the fields hold each, and what they make of it has the same times", () => {
  expect(SPECS).toHaveLength(340);
  const after = Date.parse("2026-11-28T00:00:00Z");
  for (const spec of SPECS) {
    const found = draftOfJson(spec);
    if (!("draft" in found)) throw new Error(`${JSON.stringify(spec)}: ${found.why}`);
    const { definition, problems } = definitionOf(found.draft);
    expect(problems).toEqual([]);
    const wanted = previewOf(spec, { after, count: 10 });
    expect(wanted).toHaveProperty("times");
    expect(previewOf(definition, { after, count: 10 }), JSON.stringify(spec)).toEqual(wanted);
  }
});

describe.skipIf(!CHROMIUM)("schedules in the console", () => {
  let w: ConsoleWorld;
  beforeAll(async () => {
    w = await ConsoleWorld.start();
    await w.worker({ workflows, activities });
  });
  afterAll(() => w?.close());

  const create = async (id: string, schedule: Record<string, unknown>) => {
    const body = { schedule: { input: {}, schedule_id: id, ...schedule }, workflow_identifier: "steps" };
    expect((await w.ask("POST", "/v1/workflows/schedules", body)).status).toBe(201);
  };
  const preview = async (schedule: Record<string, unknown>, count = 10) =>
    (await w.ask("POST", "/v1/workflows/schedules/preview", { schedule, count })).body.times as string[];

  test.each([
    [{ cron_expressions: ["30 2 * * *"], time_zone_name: "Europe/Berlin" }],
    [{ cron_expressions: ["0 9 * * MON-FRI"], time_zone_name: "America/New_York" }],
    [{ cron_expressions: ["*/7 8-10 1 * *"], time_zone_name: "Asia/Kolkata" }],
  ])("32: the preview shows the server's times: %j", async (schedule) => {
    const { page, close } = await w.open("/schedules?view=new");
    await page.getByLabel("Cron line 1").fill(schedule.cron_expressions[0] as string);
    await page.getByLabel("Time zone", { exact: true }).last().fill(schedule.time_zone_name);
    const wanted = await preview(schedule);
    await expect.poll(() => times(page)).toEqual(wanted);
    await close();
  });

  test("32: intervals, calendars and skips reach the preview; a wrong text is named", async () => {
    const { page, close } = await w.open("/schedules?view=new", { expected: /422/ });
    await page.getByRole("button", { name: "Remove from Cron lines: 1" }).click();
    await page.getByRole("button", { name: "Add to calendars" }).click();
    await page.getByLabel("Calendars 1: day of week").fill("1-5");
    await page.getByRole("button", { name: "Add to skip" }).click();
    await page.getByLabel("Skip 1: month").fill("8");
    await page.getByLabel("Time zone", { exact: true }).last().fill("Europe/Paris");
    const range = (start: number, end = start) => [{ start, end, step: 1 }];
    const schedule = {
      calendars: [{ hour: range(9), day_of_week: range(1, 5) }],
      skip: [{ month: range(8) }],
      time_zone_name: "Europe/Paris",
    };
    const wanted = await preview(schedule);
    await expect.poll(() => times(page)).toEqual(wanted);
    await page.getByLabel("Calendars 1: hour").fill("nine");
    await page.getByText("hour: 'nine' is no range").waitFor();
    await expect.poll(() => page.getByRole("main").getByRole("button", { name: "Create" }).isDisabled()).toBe(true);
    await page.getByLabel("Calendars 1: hour").fill("99");
    await page.getByRole("alert").first().waitFor(); // the server's own words
    await close();
  });

  test("32: rules that are written as JSON, shown in fields, have the server's times in both zones", async () => {
    const { page, close } = await w.open("/schedules?view=new", { timezoneId: "Asia/Kolkata" });
    const rule = page.getByRole("group", { name: "Rule: how to write it" });
    for (const spec of SOME_SPECS) {
      await rule.getByRole("button", { name: "JSON" }).click();
      await page.getByTestId("code-editor").waitFor();
      await write(page, "Rule as JSON", JSON.stringify(spec));
      await rule.getByRole("button", { name: "Fields" }).click();
      await page.getByLabel("Catch-up window in seconds").waitFor();
      const wanted = await preview(spec);
      await expect.poll(() => times(page), { message: JSON.stringify(spec) }).toEqual(wanted);
      const rows = await page.locator("[data-time]").allInnerTexts();
      for (const [i, at] of wanted.entries()) {
        for (const zone of new Set([spec.time_zone_name, "Asia/Kolkata"]))
          expect(rows[i], JSON.stringify(spec)).toContain(wallClock(at, zone));
      }
    }
    await rule.getByRole("button", { name: "JSON" }).click();
    await write(page, "Rule as JSON", '{"cron_expressions": ["@daily"], "note": "x"}');
    await page.getByText("The fields cannot show 'note'.").waitFor();
    await expect.poll(() => rule.getByRole("button", { name: "Fields" }).isDisabled()).toBe(true);
    await close();
  });

  test("33: create, edit, pause, resume, trigger and delete; an edit sends only what differs", async () => {
    // Executions of the backfill may end while the schedule goes: the page then reads it once more.
    const { page, close } = await w.open("/schedules?view=new", { expected: /404/ });
    await page.getByLabel("Workflow").selectOption("steps");
    await page.getByLabel("Schedule id").fill("made-here");
    await page.getByLabel("Cron line 1").fill("0 4 * * *");
    // Six policies, each with its sentence and its picture.
    const policies = page.getByRole("group", { name: "When a run is due while another is active" });
    expect(await policies.getByRole("radio").count()).toBe(6);
    expect(new Set(await policies.locator("svg").evaluateAll((all) => all.map((one) => one.innerHTML))).size).toBe(6);
    await policies.getByText("One run waits for the active one to end.").click();
    await expect.poll(() => policies.getByRole("radio", { name: "Buffer one" }).isChecked()).toBe(true);
    const created = page.waitForRequest(
      (request) => request.method() === "POST" && request.url().endsWith("/schedules"),
    );
    await page.getByRole("main").getByRole("button", { name: "Create" }).click();
    expect(JSON.parse((await created).postData() ?? "").schedule.policy).toMatchObject({ overlap: 2 });
    await page.getByRole("heading", { name: "made-here" }).waitFor();

    const patch = page.waitForRequest((request) => request.method() === "PATCH");
    await page.getByRole("button", { name: "Edit" }).click();
    await page.getByText("Nothing differs yet.").waitFor();
    await expect.poll(() => page.getByRole("button", { name: "Save" }).isDisabled()).toBe(true);
    await page.getByLabel("Cron line 1").fill("0 5 * * *");
    const change = page.getByTestId("changes").locator("[data-field]");
    await expect.poll(() => change.count()).toBe(1); // the field, as it is and as it will be
    expect(await change.locator("del").textContent()).toContain("0 4 * * *");
    expect(await change.locator("ins").textContent()).toContain("0 5 * * *");
    await page.getByRole("button", { name: "Save" }).click();
    expect(JSON.parse((await patch).postData() ?? "")).toEqual({ schedule: { cron_expressions: ["0 5 * * *"] } });

    await page.getByRole("button", { name: "Pause", exact: true }).click();
    await page.getByRole("dialog").getByLabel("Note").fill("holidays");
    await page.getByRole("dialog").getByRole("button", { name: "Pause" }).click();
    await page.getByText("Note: holidays").waitFor();
    const stored = await w.ask("GET", "/v1/workflows/schedules/made-here");
    expect(stored.body).toMatchObject({ paused: true, note: "holidays", cron_expressions: ["0 5 * * *"] });
    await page.getByRole("button", { name: "Resume" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Resume" }).click();
    await page.getByRole("button", { name: "Pause", exact: true }).waitFor();

    await page.getByRole("button", { name: "Trigger" }).click();
    await page.getByRole("dialog").getByLabel("If another run is active").selectOption({ label: "Allow all" });
    const trigger = page.waitForRequest((request) => request.url().endsWith("/trigger"));
    await page.getByRole("dialog").getByRole("button", { name: "Start" }).click();
    expect(JSON.parse((await trigger).postData() ?? "")).toEqual({ overlap: 6 });
    await page.getByRole("region", { name: "Log" }).getByText("triggered").waitFor();

    // A backfill shows its times, which are the server's, before it starts runs for them.
    await page.getByRole("button", { name: "Backfill" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("From").fill("2026-03-01T05:00:00Z");
    await dialog.getByLabel("To").fill("2026-02-01T00:00:00Z");
    await dialog.getByText("The second time lies before the first one.").waitFor();
    await dialog.getByLabel("To").fill("2026-03-04T05:00:00Z");
    await dialog.getByText("4 times").waitFor(); // both ends are times of the rule
    const wanted = [1, 2, 3, 4].map((day) => `2026-03-0${day}T05:00:00Z`);
    const drawn = async () => (await times(page)).map((at) => Date.parse(at ?? ""));
    await expect.poll(drawn).toEqual(wanted.map((at) => Date.parse(at)));
    await dialog.getByLabel("If another run is active").selectOption({ label: "Allow all" });
    await dialog.getByRole("button", { name: "Start" }).click();
    await page.getByText("4 times were accepted.").waitFor();
    const log = async () =>
      ((await w.ask("GET", "/v1/workflows/schedules/made-here/log")).body.entries as { nominal_at: string }[]).map(
        ({ nominal_at }) => Date.parse(nominal_at),
      );
    await expect
      .poll(async () => (await log()).filter((at) => wanted.some((one) => Date.parse(one) === at)).length)
      .toBe(4);
    await page.goto(`${w.url}/console/#/schedules`);
    await page.getByRole("region", { name: "All schedules" }).first().getByText("cron 0 5 * * *").waitFor();
    await page.goto(`${w.url}/console/#/schedules/made-here`);
    await page.getByRole("button", { name: "Delete" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
    await page.getByRole("heading", { name: "Schedules", exact: true }).waitFor();
    expect((await w.ask("GET", "/v1/workflows/schedules/made-here")).status).toBe(404);
    await close();
  });

  test("33: all schedules whose name begins so are paused and resumed at once, and who is refused is named", async () => {
    const ids = ["emergency-1", "emergency-2", "emergency-3"];
    for (const id of [...ids, "calm"]) await create(id, { cron_expressions: ["0 3 1 1 *"] });
    const state = async (id: string) => {
      const { body } = await w.ask("GET", `/v1/workflows/schedules/${id}`);
      return [body.paused, body.note ?? null];
    };
    const { page, close } = await w.open("/schedules", { expected: /503/ });
    await page.getByLabel("Beginning of the name").fill("emergency");
    await page.getByRole("button", { name: "Pause all…" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByText("3 active schedules", { exact: true }).waitFor();
    await dialog.getByText("whose name begins with 'emergency'").waitFor();
    await dialog.getByLabel("Note").fill("the bank is down");
    let refuses = true;
    await page.route("**/emergency-2/pause", (route) =>
      refuses
        ? route.fulfill({ status: 503, contentType: "application/json", body: '{"detail":"Not now."}' })
        : route.continue(),
    );
    await dialog.getByRole("button", { name: "Pause 3" }).click();
    await dialog.getByText("2 of 3 done, 1 refused").waitFor();
    await dialog.getByRole("list", { name: "Refused" }).getByText("Not now.").waitFor();
    expect(await Promise.all(ids.map(state))).toEqual([
      [true, "the bank is down"],
      [false, null],
      [true, "the bank is down"],
    ]);
    refuses = false;
    await dialog.getByRole("button", { name: "Try the refused 1 again" }).click();
    await dialog.getByText("1 of 1 done").waitFor();
    await dialog.getByRole("button", { name: "Close", exact: true }).last().click();
    await expect
      .poll(() => page.getByRole("region", { name: "All schedules" }).last().getByText("paused").count())
      .toBe(3);
    expect(await state("calm")).toEqual([false, null]);

    await page.getByRole("button", { name: "Resume all…" }).click();
    await dialog.getByText("3 paused schedules", { exact: true }).waitFor();
    await dialog.getByRole("button", { name: "Resume 3" }).click();
    await dialog.getByText("3 of 3 done").waitFor();
    for (const id of ids) expect((await state(id))[0]).toBe(false);
    await page.keyboard.press("Escape");
    await page.getByRole("button", { name: "Resume all…" }).click();
    await dialog.getByText("0 paused schedules", { exact: true }).waitFor();
    expect(await dialog.getByRole("button", { name: "Resume 0" }).isDisabled()).toBe(true);
    await close();
  });

  test("34: a month with a change of the clocks marks the long day, and shows the times of the preview", async () => {
    const schedule = { cron_expressions: ["0 12 * * *"], time_zone_name: "Europe/Berlin" };
    await create("noon", schedule);
    const year = new Date().getUTCFullYear() + 1;
    const { page, close } = await w.open("/", { timezoneId: "Europe/Berlin" });
    await page.goto(`${w.url}/console/#/schedules?view=month&from=${year}-10-01`);
    await page.getByText("25 h: clocks change").waitFor();
    await expect.poll(() => page.getByText("clocks change").count()).toBe(1);
    // Every shown time is one of the server's, the days of two offsets included.
    const days = page.locator("[data-date]");
    const first = await days.first().getAttribute("data-date");
    const body = { schedule, after: `${first}T00:00:00Z`, count: 41 };
    const coming = (await w.ask("POST", "/v1/workflows/schedules/preview", body)).body.times as string[];
    const drawn = page.locator("[data-at]", { hasText: "noon" });
    const instants = () =>
      drawn.evaluateAll((all) => all.slice(0, 41).map((one) => Date.parse(one.getAttribute("data-at") ?? "")));
    await expect.poll(instants).toEqual(coming.map((at) => Date.parse(at)));
    expect(await page.locator("[data-at]", { hasText: "12:00 noon" }).count()).toBe(await drawn.count());
    await page.locator(`[data-date="${year}-10-31"], [data-date="${year}-10-29"]`).first().waitFor();
    // A dense schedule is folded in the month. The day itself, by hours: 25 of them, one hour twice.
    await create("often", { cron_expressions: ["*/20 * * * *"], time_zone_name: "UTC" });
    await page.reload();
    await page
      .getByText(/often: 72|There are more times/)
      .first()
      .waitFor();
    const long = await days.filter({ hasText: "clocks change" }).getAttribute("data-date");
    await days.filter({ hasText: "clocks change" }).getByRole("button").click();
    await expect.poll(() => page.url()).toContain(`view=day&from=${long}`);
    await expect.poll(() => page.locator("[data-hour]").count()).toBe(25);
    expect(await page.locator("[data-hour]", { hasText: /^02:00/ }).count()).toBe(2);
    await page.locator("[data-hour]", { hasText: "12:00 noon" }).waitFor();
    await expect.poll(() => page.locator("[data-hour]", { hasText: "often" }).count()).toBe(25);
    const short = new Date(Date.UTC(year, 2, 31));
    short.setUTCDate(31 - short.getUTCDay()); // the last Sunday of March
    await page.goto(`${w.url}/console/#/schedules?view=day&from=${short.toISOString().slice(0, 10)}`);
    await page.getByText("23 h: clocks change").waitFor();
    await expect.poll(() => page.locator("[data-hour]").count()).toBe(23);
    await close();
  });

  test("34: a due time that was skipped says in the calendar why, as the log does", async () => {
    const input = {
      schedule_id: "crowded",
      cron_expressions: ["0 6 * * *"],
      time_zone_name: "UTC",
      policy: { overlap: 1 },
    };
    const made = { schedule: { input: {}, ...input }, workflow_identifier: "sleeper" };
    expect((await w.ask("POST", "/v1/workflows/schedules", made)).status).toBe(201);
    const range = { start_at: "2026-03-10T00:00:00Z", end_at: "2026-03-11T23:00:00Z" };
    expect((await w.ask("POST", "/v1/workflows/schedules/crowded/backfill", range)).body).toEqual({ accepted: 2 });
    const entries = async () =>
      (await w.ask("GET", "/v1/workflows/schedules/crowded/log")).body.entries as {
        outcome: string;
        reason: string | null;
      }[];
    await expect
      .poll(async () => (await entries()).map(({ outcome }) => outcome).toSorted())
      .toEqual(["skipped_overlap", "started"]);
    const reason = (await entries()).find(({ outcome }) => outcome === "skipped_overlap")?.reason;
    const { page, close } = await w.open("/schedules/crowded?view=month&from=2026-03-01", { timezoneId: "UTC" });
    const skipped = page.locator('[data-at="2026-03-11T06:00:00.000Z"]');
    await skipped.getByText("skipped overlap").waitFor();
    expect(await skipped.getAttribute("title")).toContain(reason);
    await page.locator('[data-at="2026-03-10T06:00:00.000Z"]').getByText("started").waitFor();
    await close();
  });

  test("34: of 1,000 schedules a month draws a part and counts all, and the list says how many it shows", async () => {
    const earlier = (await w.ask("GET", "/v1/workflows/schedules?page_size=200")).body.schedules as {
      schedule_id: string;
    }[];
    for (const { schedule_id } of earlier) await w.ask("DELETE", `/v1/workflows/schedules/${schedule_id}`);
    // Put into the store as they are: a thousand calls would cost more than all that is looked at here.
    for (let n = 0; n < 1_000; n++) {
      const schedule_id = `many-${n}`;
      const made = createSchedule(Date.now(), {
        schedule_id,
        seed: schedule_id,
        workflow_name: "steps",
        deployment_name: "dev",
        definition: { input: {}, cron_expressions: [`${n % 60} ${n % 24} ${1 + (n % 28)} * *`] },
      });
      if ("issues" in made || !made.state) throw new Error(JSON.stringify(made));
      await w.ports.schedules.create(DEFAULT_WORKSPACE, { state: made.state, wakeAt: null });
    }
    const now = new Date();
    const month = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + 2, 1)).toISOString().slice(0, 7);
    const { page, close } = await w.open(`/schedules?view=month&from=${month}-01`, { timezoneId: "UTC" });
    const day = page.locator(`[data-date^="${month}"]`);
    await day
      .getByRole("button", { name: /^and \d+ more$/ })
      .nth(27)
      .waitFor();
    const counts = await day.evaluateAll((all) =>
      all.map((one) => {
        const more = /and ([\d,]+) more/.exec(one.textContent ?? "")?.[1] ?? "0";
        return one.querySelectorAll("[data-at]").length + Number(more.replaceAll(",", ""));
      }),
    );
    expect(counts.reduce((sum, one) => sum + one, 0)).toBe(1_000);
    expect(await page.getByText("There are more times").count()).toBe(0);
    expect(await page.locator("*").count()).toBeLessThan(5_000);
    // The further ones of a day are on the page of the day.
    await day
      .first()
      .getByRole("button", { name: /^and \d+ more$/ })
      .click();
    await expect.poll(() => page.getByRole("list", { name: "Hours" }).locator("[data-at]").count()).toBe(counts[0]);
    await page.getByRole("button", { name: "List", exact: true }).click();
    await page.getByText("These are the first 200.").waitFor();
    await close();
  });

  test.each([
    "UTC",
    "Europe/Berlin",
    "America/Denver",
    "Asia/Kolkata",
  ])("35: a browser in %s shows the same moment under its zone", async (zone) => {
    await w.ask("DELETE", "/v1/workflows/schedules/one");
    await create("one", { cron_expressions: ["15 10 * * *"], time_zone_name: "UTC" });
    const { page, close } = await w.open("/schedules/one", { timezoneId: zone });
    const [next] = await preview({ cron_expressions: ["15 10 * * *"], time_zone_name: "UTC" }, 1);
    const shown = page.getByRole("region", { name: "Next times" }).locator("time").first();
    await shown.waitFor();
    expect(Date.parse((await shown.getAttribute("datetime")) ?? "")).toBe(Date.parse(next as string));
    const local = new Intl.DateTimeFormat("en-GB", { timeZone: zone, hour: "2-digit", minute: "2-digit" }).format(
      new Date(next as string),
    );
    expect(await shown.textContent()).toContain(local);
    await page
      .getByRole("option", { name: `Local (${zone.replace("Kolkata", "Calcutta")})` })
      .waitFor({ state: "attached" });
    await close();
  });
});

const clocks = new Map<string, Intl.DateTimeFormat>();
/** As the page writes it, by another formatter; one for each zone, because to make one costs more than to use it. */
function wallClock(at: string, timeZone: string): string {
  let clock = clocks.get(timeZone);
  if (!clock) {
    clock = new Intl.DateTimeFormat("sv-SE", { timeZone, dateStyle: "short", timeStyle: "medium" });
    clocks.set(timeZone, clock);
  }
  return clock.format(new Date(at));
}
