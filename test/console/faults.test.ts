/** The console when things go wrong, and for every person: sections B, H and I of what it promises. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startServer } from "../../cli/server/index.ts";
import { OPERATIONS } from "../../console/src/api/operations.ts";
import { DEFAULT_WORKSPACE } from "../../shared/api/index.ts";
import { ROUTES } from "../../shared/protocol/routes.ts";
import { headOf } from "../contract/subject.ts";
import { CHROMIUM } from "./support/browser.ts";
import { ConsoleWorld, FOLDER } from "./support/console.ts";
import { activities, newLine, workflows } from "./support/workflows.ts";

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
    await expect.poll(() => page.getByTestId("live").textContent()).toContain("reconnecting");
    w.server = await startServer({ ports: w.ports, version: "0.0.0", port, consoleFolder: FOLDER });
    const id = await w.start("sleeper");
    await expect.poll(() => page.getByTestId("live").textContent()).toBe("live");
    await page.getByRole("button", { name: /\d+ new/ }).click();
    await page.locator(`[data-execution="${id}"]`).waitFor();
    await close();
  });

  test("8: events that come while the stream is lost are neither lost nor shown twice", async () => {
    const { busy, gate } = newLine();
    busy.resolve();
    const id = await w.start("retries-once");
    const { page, close } = await w.open(`/executions/${id}?tab=history&order=asc`, {
      expected: /Failed to load|ERR_/,
    });
    const shown = () =>
      page.locator("[data-event]").evaluateAll((all) => all.map((one) => one.getAttribute("data-event")));
    await expect.poll(() => page.getByTestId("live").textContent()).toBe("live");
    await expect.poll(async () => (await shown()).length).toBeGreaterThan(2);
    const port = w.server.port;
    await w.server.close(0);
    await expect.poll(() => page.getByTestId("live").textContent()).toContain("reconnecting");
    gate.resolve(); // the activity ends as soon as a worker can tell it
    w.server = await startServer({ ports: w.ports, version: "0.0.0", port, consoleFolder: FOLDER });
    const read = async () =>
      (await w.ask("GET", `/v1/workflows/executions/${id}/history`)).body.events as { id: number }[];
    await expect.poll(async () => (await w.ask("GET", `/v1/workflows/executions/${id}`)).body.status).toBe("COMPLETED");
    await expect.poll(() => page.getByTestId("live").textContent()).toBe("live");
    await expect.poll(shown).toEqual((await read()).map((event) => String(event.id)));
    await close();
  });

  test("9: eight tabs are live over one stream, and each still answers", async () => {
    const context = await w.browser.newContext({ reducedMotion: "reduce" });
    await context.addInitScript(`sessionStorage.setItem("sirocco.key", ${JSON.stringify(w.key)})`);
    const streams: string[] = [];
    context.on("request", (request) => {
      if (request.url().includes("/events/stream")) streams.push(request.url());
    });
    const pages = [];
    for (let n = 0; n < 8; n++) {
      const page = await context.newPage();
      await page.goto(`${w.url}/console/#/file`); // a page that reads nothing: the streams are what counts here
      pages.push(page);
    }
    for (const page of pages) await expect.poll(() => page.getByTestId("live").textContent()).toBe("live");
    expect(streams).toHaveLength(1);
    for (const page of pages) {
      await page.getByRole("link", { name: "Jobs" }).click();
      await page.getByRole("heading", { level: 1, name: "Jobs" }).waitFor();
    }
    await pages[0]!.close(); // the tab that reads the stream
    await expect.poll(() => streams.length).toBe(2);
    await context.close();
  });

  test("30: of 1,234 that a filter finds a job tells the count, is aborted under way, and keeps what it did", async () => {
    const ids = Array.from({ length: 1_234 }, (_, n) => `many-${String(n).padStart(4, "0")}`);
    for (const [n, execution] of ids.entries()) {
      const ref = { workspace: DEFAULT_WORKSPACE, execution };
      await w.ports.executions.create(
        headOf(ref, Date.now() - 10_000 + n, { deployment: "elsewhere", workflow: "many" }),
        [],
      );
    }
    const { executions } = w.ports;
    const { head } = executions;
    // The job is held at the 551st, so that it is under way when the person aborts it.
    const held = Promise.withResolvers<void>();
    const reached = Promise.withResolvers<void>();
    executions.head = async (ref) => {
      if (ref.execution === "many-0550") {
        reached.resolve();
        await held.promise;
      }
      return head.call(executions, ref);
    };
    const { page, close } = await w.open("/executions?workflow_identifier=many");
    await page.getByText("50 shown").waitFor();
    await page.getByRole("button", { name: "Cancel all that match" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByText("1,234 running executions", { exact: true }).waitFor();
    await dialog.getByText("workflow_identifier = many").waitFor();
    await dialog.getByRole("button", { name: "Begin the job" }).click();
    await page.getByRole("heading", { name: "Job: cancel" }).waitFor();
    await reached.promise;
    await expect.poll(() => page.getByTestId("job-counts").textContent()).toContain("500 of 1,234 done");
    await page.getByRole("button", { name: "Abort" }).click();
    await page.getByText("aborted", { exact: true }).waitFor();
    held.resolve();
    executions.head = head;
    const id = page.url().split("/").at(-1);
    const job = async () => (await w.ask("GET", `/v1/workflows/jobs/${id}`)).body;
    await expect.poll(async () => (await job()).done).toBe(600); // the page of a hundred that was under way
    await page.reload();
    await expect.poll(() => page.getByTestId("job-counts").textContent()).toContain("600 of 1,234 done: 600 succeeded");
    await page.getByRole("link", { name: "many-0000" }).waitFor();
    for (let more = 1; more < 6; more++) {
      await page.getByRole("button", { name: "Load more" }).click();
      await page.getByRole("link", { name: `many-0${more}00` }).waitFor();
    }
    await expect.poll(() => page.getByRole("link", { name: /^many-/ }).count()).toBe(600);
    const asked = async (execution: string) => {
      const ref = { workspace: DEFAULT_WORKSPACE, execution };
      return (await executions.inbox(ref, (await executions.head(ref))!.chain)).length;
    };
    expect([await asked("many-0000"), await asked("many-0599"), await asked("many-0600")]).toEqual([1, 1, 0]);

    // Another job goes to the end, fails at three, and a third one acts on these three alone.
    const failing = new Set(["many-0700", "many-0800", "many-1233"]);
    executions.head = async (ref) => {
      if (failing.has(ref.execution)) throw new Error("the disk is full");
      return head.call(executions, ref);
    };
    const again = await w.ask("POST", "/v1/workflows/jobs", {
      action: "cancel",
      filter: { workflow_identifier: "many" },
    });
    await page.goto(`${w.url}/console/#/jobs/${again.body.job_id}`);
    await expect
      .poll(() => page.getByTestId("job-counts").textContent())
      .toContain("1,234 of 1,234 done: 1,231 succeeded, 0 skipped, 3 failed");
    executions.head = head;
    await page.getByRole("button", { name: "Try the failed 3 again" }).click();
    await expect.poll(() => page.getByTestId("job-counts").textContent()).toContain("3 of 3 done: 3 succeeded");
    await page.getByText("It acts where").waitFor();
    for (const one of failing) await page.getByRole("link", { name: one }).waitFor();
    await expect.poll(() => page.getByRole("link", { name: /^many-/ }).count()).toBe(3);
    await close();
  });

  test("30: a job on all that match says what it does, and its page counts to the end", async () => {
    for (let n = 0; n < 5; n++) await w.start("sleeper", { id: `bulk-${n}` });
    const { page, close } = await w.open("/executions?workflow_identifier=sleeper");
    await page.locator('[data-execution="bulk-4"]').waitFor();
    await page.getByRole("button", { name: "Cancel all that match" }).click();
    await page.getByRole("dialog").getByText("workflow_identifier = sleeper").waitFor();
    await page.getByRole("dialog").getByRole("button", { name: "Begin the job" }).click();
    await page.getByRole("heading", { name: "Job: cancel" }).waitFor();
    await expect.poll(() => page.getByTestId("job-counts").textContent()).toMatch(/^(\d+) of \1 done/);
    await page.getByRole("button", { name: "Read again" }).click();
    await page.getByRole("link", { name: "bulk-0" }).waitFor();
    await close();
  });

  test("30: a job signals all that match, and another lets all that failed go on", async () => {
    for (let n = 0; n < 3; n++) await w.start("listens", { id: `signalled-${n}` });
    await w.start("fails", { id: "goes-on" });
    const status = async (id: string) => (await w.ask("GET", `/v1/workflows/executions/${id}`)).body.status;
    await expect.poll(() => status("goes-on")).toBe("FAILED");
    const { page, close } = await w.open("/executions?workflow_identifier=listens");
    await page.locator('[data-execution="signalled-2"]').waitFor();
    await page.getByRole("button", { name: "Signal all that match" }).click();
    await page.getByRole("dialog").getByLabel("by").fill("ada");
    await page.getByRole("dialog").getByRole("button", { name: "Begin the job" }).click();
    await page.getByRole("heading", { name: "Job: signal" }).waitFor();
    for (const n of [0, 1, 2]) await expect.poll(() => status(`signalled-${n}`)).toBe("COMPLETED");

    const run = (await w.ask("GET", "/v1/workflows/executions/goes-on")).body.run_id;
    await page.goto(`${w.url}/console/#/executions?workflow_identifier=fails`);
    await page.getByRole("button", { name: "Reset all that match" }).click();
    await page.getByRole("dialog").getByText("1 failed execution", { exact: true }).waitFor();
    await page.getByRole("dialog").getByRole("button", { name: "Begin the job" }).click();
    await page.getByRole("heading", { name: "Job: reset" }).waitFor();
    await expect.poll(async () => (await w.ask("GET", "/v1/workflows/executions/goes-on")).body.run_id).not.toBe(run);
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

  test("42: whichever call of a page fails, is cut or hangs, a sentence says so, and the page and its menu stay", async () => {
    const id = await w.start("fails", { id: "faulty" });
    await expect.poll(async () => (await w.ask("GET", `/v1/workflows/executions/${id}`)).body.status).toBe("FAILED");
    const schedule = { input: {}, schedule_id: "faulty", cron_expressions: ["0 3 * * *"] };
    await w.ask("POST", "/v1/workflows/schedules", { schedule, workflow_identifier: "steps" });
    const paths = [
      "/",
      "/executions",
      `/executions/${id}`,
      `/executions/${id}?tab=logs`,
      "/inbox",
      "/errors",
      "/schedules",
    ];
    paths.push(
      "/schedules/faulty",
      "/schedules?view=month",
      "/workflows",
      "/deployments",
      "/deployments/dev",
      "/holds",
      "/jobs",
    );
    const operations = (list: readonly string[]) => [
      ...new Set(list.map((path) => path.split("?")[0] as string).filter((path) => !/whoami|stream|counts/.test(path))),
    ];
    const aside = "/file"; // a small page that asks the server nothing
    /** Opens each path, then again with a fault in each of the calls that it made. Answers how many faults these were. */
    const walk = async (own: readonly string[]): Promise<number> => {
      const { page, asked, close } = await w.open(aside, { expected: /./, isOwn: true });
      await page.clock.install();
      let fault: { path: string; how: string } | null = null;
      await page.route("**/v1/**", async (route) => {
        const { pathname } = new URL(route.request().url());
        if (pathname !== fault?.path) return route.continue();
        if (fault.how === "cut") return route.abort();
        if (fault.how === "hangs") return; // the skeleton stays
        const body = '{"detail":"The store is being moved.","code":"WF_1999"}';
        return route.fulfill({ status: Number(fault.how), contentType: "application/json", body });
      });
      const heading = page.locator("h1:not(.sr-only)").first();
      /** Leaves the page for so long that the console has forgotten what it read there. */
      const forget = async () => {
        await page.goto(`${w.url}/console/#${aside}`);
        await heading.getByText("Downloaded history").waitFor();
        await page.clock.fastForward(61_000);
      };
      let tried = 0;
      for (const path of own) {
        await forget();
        asked.length = 0;
        await page.goto(`${w.url}/console/#${path}`);
        await heading.getByText("Downloaded history").waitFor({ state: "detached" });
        await heading.waitFor();
        await expect.poll(() => page.getByRole("status", { name: "Loading" }).count()).toBe(0);
        // The overview counts those among many explanations that did not come: another test holds that.
        const isAside = (one: string) =>
          (path.includes("tab=logs") && one.endsWith("/history")) || (path === "/" && one.endsWith("/explain"));
        for (const one of operations(asked).filter((each) => !isAside(each))) {
          const how = ["500", "hangs", "502", "hangs", "500", "503", "cut"][tried % 7] as string;
          await forget();
          fault = { path: one, how };
          await page.goto(`${w.url}/console/#${path}`);
          const what = `${path}: ${one} ${how}`;
          const sign =
            how === "hangs"
              ? page.getByRole("status", { name: "Loading" }).first()
              : page
                  .getByRole("alert")
                  .getByText(how === "cut" ? /cannot be reached/ : "The store is being moved.")
                  .first();
          const isTold = async () => {
            // What may pass by itself is asked for twice more, after a second and after two, before the page tells it.
            if (how === "cut" || how === "503") await page.clock.fastForward(1_000);
            return sign.count();
          };
          await expect.poll(isTold, { message: what }).toBe(1);
          if (how !== "hangs") await page.getByRole("button", { name: "Try again" }).first().waitFor();
          expect(await page.getByRole("navigation", { name: "Pages" }).isVisible(), what).toBe(true);
          fault = null;
          tried++;
        }
      }
      await close();
      return tried;
    };
    expect(await walk(paths)).toBeGreaterThan(30);
  }, 240_000);

  test("42: without a server the page says so, and keeps what it showed", async () => {
    const id = await w.start("sleeper");
    const { page, close } = await w.open(`/executions/${id}`, { expected: /Failed to load|ERR_/ });
    await page.getByTestId("why-summary").waitFor();
    await page.route("**/v1/**", (route) => route.abort());
    await page.getByRole("tab", { name: "Search keys" }).click();
    await page.getByText("The server cannot be reached.").waitFor();
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
        await tag.locator("svg").waitFor();
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
      await expect.poll(() => control.isDisabled()).toBe(true);
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
    const { page, close } = await w.open("/settings", {
      expected: /./,
      permissions: ["clipboard-read", "clipboard-write"],
    });
    await page.route("**/v1/workflows/schedules/upcoming*", (route) =>
      route.fulfill({ contentType: "application/json", body: '{"times":"secret"}' }),
    );
    await page.goto(`${w.url}/console/#/`);
    await page.reload();
    await page.getByText("This part of the page has failed").waitFor();
    await page.getByRole("region", { name: "Latest executions" }).first().waitFor();
    const copied = () => page.evaluate<string>("navigator.clipboard.readText()");
    await expect
      .poll(async () => {
        await page.getByRole("button", { name: "Copy a report" }).click(); // again, if the page was drawn anew meanwhile
        return copied();
      })
      .toMatch(/TypeError/);
    const report = await copied();
    expect(report).toContain("/console/");
    for (const word of ["secret", w.key]) expect(report).not.toContain(word);
    await close();
  });

  test("38: on a phone of 320 px a failure leads to its step, its error and its retry in three taps", async () => {
    const id = await w.start("fails", { id: "phone-failure" });
    const { page, close } = await w.open("/executions", { viewport: { width: 320, height: 640 }, hasTouch: true });
    await page.getByRole("link", { name: id }).tap();
    await page.locator('[data-outcome="failed"]').first().tap();
    await page.getByTestId("failure").getByText("no such account").first().waitFor();
    const overflow = () => page.evaluate<number>("document.documentElement.scrollWidth - innerWidth");
    expect(await overflow()).toBeLessThanOrEqual(0);
    await page.getByRole("button", { name: "Go on from the failed step" }).tap();
    const dialog = page.getByRole("dialog");
    await dialog.getByRole("list", { name: "Begin anew" }).getByText("activity breaking").waitFor();
    expect(await overflow()).toBeLessThanOrEqual(0);
    const button = await dialog.getByRole("button", { name: "Reset", exact: true }).boundingBox();
    expect(button!.x).toBeGreaterThanOrEqual(0);
    expect(button!.x + button!.width).toBeLessThanOrEqual(320);
    await close();
  });
});
