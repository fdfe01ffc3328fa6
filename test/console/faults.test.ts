/** The console when things go wrong, and for every person: sections B, H and I of what it promises. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startServer } from "../../cli/server/index.ts";
import { OPERATIONS } from "../../console/src/api/operations.ts";
import { ROUTES } from "../../shared/protocol/routes.ts";
import { CHROMIUM } from "./support/browser.ts";
import { ConsoleWorld, FOLDER } from "./support/console.ts";
import { activities, workflows } from "./support/workflows.ts";

describe.skipIf(!CHROMIUM)("the console and the world", () => {
  let w: ConsoleWorld;
  beforeAll(async () => {
    w = await ConsoleWorld.start();
    await w.worker({ workflows, activities });
  });
  afterAll(() => w?.close());

  test("8: a server that restarts is noticed, and the stream goes on without a gap", async () => {
    const { page, close } = await w.open("/executions", { expected: /Failed to load|ERR_/ });
    await expect.poll(() => page.getByTestId("live").textContent()).toBe("live");
    const port = w.server.port;
    await w.server.close(0);
    await expect.poll(() => page.getByTestId("live").textContent(), { timeout: 10_000 }).toContain("reconnecting");
    w.server = await startServer({ ports: w.ports, version: "0.0.0", port, consoleFolder: FOLDER });
    const id = await w.start("sleeper");
    await expect.poll(() => page.getByTestId("live").textContent(), { timeout: 15_000 }).toBe("live");
    await page.getByRole("button", { name: /\d+ new/ }).click();
    await page.locator(`[data-execution="${id}"]`).waitFor();
    await close();
  });

  test("9: eight tabs are live over one stream, and each still answers", async () => {
    const context = await w.browser.newContext();
    const streams: string[] = [];
    context.on("request", (request) => {
      if (request.url().includes("/events/stream")) streams.push(request.url());
    });
    const pages = [];
    for (let n = 0; n < 8; n++) {
      const page = await context.newPage();
      await page.goto(`${w.url}/console/#key=${encodeURIComponent(w.key)}`);
      pages.push(page);
    }
    for (const page of pages)
      await expect.poll(() => page.getByTestId("live").textContent(), { timeout: 10_000 }).toBe("live");
    expect(streams).toHaveLength(1);
    await pages[7]!.getByRole("link", { name: "Jobs" }).click();
    await pages[7]!.getByRole("heading", { name: "Jobs" }).waitFor();
    await pages[0]!.close(); // the tab that reads the stream
    await expect.poll(() => streams.length, { timeout: 25_000 }).toBe(2);
    await context.close();
  });

  test("30: a job on all that match says what it does, and its page counts to the end", async () => {
    for (let n = 0; n < 5; n++) await w.start("sleeper", { id: `bulk-${n}` });
    const { page, close } = await w.open("/executions?workflow_identifier=sleeper");
    await page.locator('[data-execution="bulk-4"]').waitFor();
    await page.getByRole("button", { name: "Cancel all that match" }).click();
    await page.getByRole("dialog").getByText("workflow_identifier = sleeper").waitFor();
    await page.getByRole("dialog").getByRole("button", { name: "Begin the job" }).click();
    await page.getByRole("heading", { name: "Job: cancel" }).waitFor();
    await expect
      .poll(() => page.getByTestId("job-counts").textContent(), { timeout: 15_000 })
      .toMatch(/^(\d+) of \1 done/);
    await page.getByRole("button", { name: "Read again" }).click();
    await page.getByRole("link", { name: "bulk-0" }).waitFor();
    await close();
  });

  test("30: a job signals all that match, and another lets all that failed go on", async () => {
    for (let n = 0; n < 3; n++) await w.start("listens", { id: `signalled-${n}` });
    await w.start("fails", { id: "goes-on" });
    const status = async (id: string) => (await w.ask("GET", `/v1/workflows/executions/${id}`)).body.status;
    await expect.poll(() => status("goes-on"), { timeout: 10_000 }).toBe("FAILED");
    const { page, close } = await w.open("/executions?workflow_identifier=listens");
    await page.locator('[data-execution="signalled-2"]').waitFor();
    await page.getByRole("button", { name: "Signal all that match" }).click();
    await page.getByRole("dialog").getByLabel("by").fill("ada");
    await page.getByRole("dialog").getByRole("button", { name: "Begin the job" }).click();
    await page.getByRole("heading", { name: "Job: signal" }).waitFor();
    for (const n of [0, 1, 2]) await expect.poll(() => status(`signalled-${n}`), { timeout: 15_000 }).toBe("COMPLETED");

    const run = (await w.ask("GET", "/v1/workflows/executions/goes-on")).body.run_id;
    await page.goto(`${w.url}/console/#/executions?workflow_identifier=fails`);
    await page.getByRole("button", { name: "Reset all that match" }).click();
    await page.getByRole("dialog").getByText("to every failed execution").waitFor();
    await page.getByRole("dialog").getByRole("button", { name: "Begin the job" }).click();
    await page.getByRole("heading", { name: "Job: reset" }).waitFor();
    await expect
      .poll(async () => (await w.ask("GET", "/v1/workflows/executions/goes-on")).body.run_id, { timeout: 15_000 })
      .not.toBe(run);
    await close();
  });

  test("30: what a job could not do is tried again by a job with the same filter", async () => {
    const body = { action: "cancel", filter: { workflow_identifier: "sleeper", search: "never" } };
    const { job_id } = (await w.ask("POST", "/v1/workflows/jobs", body)).body as { job_id: string };
    const { page, close } = await w.open("/jobs");
    await page.route(`**/v1/workflows/jobs/${job_id}`, async (route) => {
      const answer = await route.fetch();
      await route.fulfill({ response: answer, json: { ...(await answer.json()), failed: 2 } });
    });
    await page.goto(`${w.url}/console/#/jobs/${job_id}`);
    await page.getByRole("button", { name: "Try the failed ones again" }).click();
    await page.waitForURL((url) => /#\/jobs\/./.test(url.hash) && !url.hash.includes(job_id));
    const next = (await w.ask("GET", `/v1/workflows/jobs/${page.url().split("/").at(-1)}`)).body;
    expect(next).toMatchObject(body);
    await close();
  });

  test("30: selected executions are terminated by their ids", async () => {
    for (let n = 0; n < 3; n++) await w.start("listens", { id: `chosen-${n}` });
    const { page, close } = await w.open("/executions?workflow_identifier=listens");
    for (const n of [0, 1]) await page.getByLabel(`Select chosen-${n}`).check();
    await page.getByText("2 selected").waitFor();
    await page.getByRole("button", { name: "Terminate them" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Terminate 2" }).click();
    await page.locator('[data-execution="chosen-0"]').getByText("Terminated").waitFor();
    await page.locator('[data-execution="chosen-2"]').getByText("Running").waitFor();
    await close();
  });

  test.each([
    ["a 500", { status: 500, body: '{"detail":"Something broke here.","code":"WF_1000"}' }, "Something broke here."],
    ["a page of a proxy", { status: 502, body: "<html>" }, "The server answered with status 502"],
  ])("42: %s on one call leaves the other panels alive, and a retry repairs it", async (_, answer, words) => {
    const { page, close } = await w.open("/settings", { expected: /50\d/ });
    let broken = true;
    await page.route("**/v1/workflows/deployments*", (route) =>
      broken ? route.fulfill({ contentType: "application/json", ...answer }) : route.continue(),
    );
    await page.goto(`${w.url}/console/#/`);
    await page.reload();
    await page.getByText(words).waitFor();
    await page.getByRole("region", { name: "Latest executions" }).first().waitFor();
    broken = false;
    await page.getByRole("button", { name: "Try again" }).first().click();
    await page.getByRole("link", { name: "dev", exact: true }).first().waitFor();
    await close();
  });

  test("42: without a server the page says so, and keeps what it showed", async () => {
    const id = await w.start("sleeper");
    const { page, close } = await w.open(`/executions/${id}`, { expected: /Failed to load|ERR_/ });
    await page.getByTestId("why-summary").waitFor();
    await page.route("**/v1/**", (route) => route.abort());
    await page.getByRole("tab", { name: "Search keys" }).click();
    await page.getByText("The server cannot be reached.").waitFor({ timeout: 15_000 });
    await page.getByRole("heading", { name: id }).waitFor();
    await close();
  });

  test("39: without colours a failed execution differs from a completed one by icon, word and accessible name", async () => {
    const failed = await w.start("fails", { id: "told-failed" });
    const completed = await w.start("steps", { id: "told-completed" });
    const status = async (id: string) => (await w.ask("GET", `/v1/workflows/executions/${id}`)).body.status;
    await expect.poll(() => status(failed)).toBe("FAILED");
    await expect.poll(() => status(completed)).toBe("COMPLETED");
    for (const options of [{ forcedColors: "active" as const }, { colorScheme: "dark" as const }]) {
      const { page, close } = await w.open("/executions?search=told-", options);
      if (!("forcedColors" in options)) await page.evaluate("document.documentElement.style.filter = 'grayscale(1)'");
      const looks: string[] = [];
      for (const [id, word] of [
        [failed, "Failed"],
        [completed, "Completed"],
      ] as const) {
        const tag = page.locator(`[data-execution="${id}"] [data-status]`);
        expect(await tag.textContent()).toBe(word);
        expect(await tag.locator("svg").isVisible()).toBe(true);
        looks.push(await tag.locator("svg").innerHTML());
      }
      expect(looks[0]).not.toBe(looks[1]);
      await page.goto(`${w.url}/console/#/executions/${failed}`);
      const step = page.locator('[data-outcome="failed"]');
      expect(await step.getAttribute("aria-label")).toMatch(/^activity breaking, failed, /);
      expect(await page.locator('[data-outcome="completed"]').first().getAttribute("aria-label")).toMatch(
        /^activity work, completed, /,
      );
      // The marks of the steps and the frames of their bars are there without the colours of their grounds.
      expect(await step.textContent()).toContain("✕");
      await close();
    }
  });

  test("43: each operation that answers 501 is greyed with the reason, and none is offered", async () => {
    const missing = ROUTES.flatMap((row) => ("unavailable" in row ? [row] : []));
    expect(missing.length).toBeGreaterThan(5);
    const called: readonly string[] = Object.keys(OPERATIONS);
    expect(missing.filter(({ operation }) => called.includes(operation))).toEqual([]);
    const { page, close } = await w.open("/deployments");
    for (const { operation, path, unavailable } of missing) {
      await page.goto(`${w.url}/console/#/deployments${path.includes("{name}") ? "/dev" : ""}`);
      const control = page.locator(`[data-operation="${operation}"]`);
      await control.waitFor();
      expect(await control.isDisabled()).toBe(true);
      expect(await control.getAttribute("title")).toBe(unavailable);
      await page.getByText(unavailable).waitFor();
    }
    await close();
  });

  test("43: what another server answers with 501 is greyed from then on, with that server's reason", async () => {
    const id = await w.start("listens");
    const { page, close } = await w.open(`/executions/${id}`, { expected: /501/ });
    await page.route("**/reset", (route) =>
      route.fulfill({
        status: 501,
        contentType: "application/json",
        body: '{"detail":"This server resets nothing yet.","code":"NOT_IMPLEMENTED"}',
      }),
    );
    await page.getByRole("button", { name: "Reset", exact: true }).click();
    await page.getByRole("dialog").getByLabel("Go on").selectOption("start");
    await page.getByRole("dialog").getByRole("button", { name: "Reset", exact: true }).click();
    await page.getByText("This server resets nothing yet.").first().waitFor();
    await page.keyboard.press("Escape");
    const reset = page.getByRole("group", { name: "Actions" }).getByRole("button", { name: "Reset", exact: true });
    await expect.poll(() => reset.isDisabled()).toBe(true);
    expect(await reset.getAttribute("title")).toBe("This server resets nothing yet.");
    await close();
  });

  test("45: an answer that a panel cannot show leaves the rest alive, with a report that holds no payload", async () => {
    const { page, close } = await w.open("/settings", { expected: /./ });
    await page.route("**/v1/workflows/schedules/upcoming*", (route) =>
      route.fulfill({ contentType: "application/json", body: '{"times":"secret"}' }),
    );
    await page.goto(`${w.url}/console/#/`);
    await page.reload();
    await page.getByText("This part of the page has failed").waitFor();
    await page.getByRole("region", { name: "Latest executions" }).first().waitFor();
    await page.getByRole("button", { name: "Copy a report" }).waitFor();
    await close();
  });

  test("37: by keyboard alone: find an execution, open a dialog, leave it; no shortcut acts while typing", async () => {
    const id = await w.start("listens", { id: "by-keyboard" });
    const { page, close } = await w.open("/", { expected: /404/ }); // an id that is no schedule, and so on
    await page.keyboard.press("Control+k");
    await page.keyboard.type(id);
    await page.getByRole("option", { name: /by-keyboard execution/ }).waitFor();
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: id }).waitFor();
    const button = page.getByRole("button", { name: "Send approve" });
    await button.focus();
    await page.keyboard.press("Enter");
    await page.getByRole("dialog").getByLabel("by").waitFor();
    await page.getByRole("dialog").getByLabel("by").focus();
    await page.keyboard.type("gj?n");
    expect(page.url()).toContain(id);
    await page.keyboard.press("Escape");
    await expect.poll(() => page.getByRole("dialog").count()).toBe(0);
    expect(await button.evaluate((one) => one === one.ownerDocument.activeElement)).toBe(true);
    await page.keyboard.press("?");
    await page.getByRole("dialog", { name: "Keyboard" }).waitFor();
    await page.keyboard.press("Escape");
    await page.keyboard.press("g");
    await page.keyboard.press("e");
    await page.getByRole("heading", { name: "Executions" }).waitFor();
    await close();
  });

  test("38: on a phone of 320 px a failure leads to its step and error in three taps", async () => {
    const id = await w.start("fails", { id: "phone-failure" });
    const { page, close } = await w.open("/executions", { viewport: { width: 320, height: 640 }, hasTouch: true });
    await page.getByRole("link", { name: id }).tap();
    await page.locator('[data-outcome="failed"]').first().tap();
    await page.getByTestId("failure").getByText("no such account").first().waitFor();
    expect(await page.evaluate<number>("document.documentElement.scrollWidth - innerWidth")).toBeLessThanOrEqual(0);
    await close();
  });
});
