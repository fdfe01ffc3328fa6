/** Long lists, odd ids, and the start from elsewhere: sections E and F of what the console promises. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { DEFAULT_WORKSPACE } from "../../shared/api/index.ts";
import { MAX_EXECUTION_ID } from "../../shared/protocol/limits.ts";
import { headOf } from "../contract/subject.ts";
import { CHROMIUM, write } from "./support/browser.ts";
import { ConsoleWorld } from "./support/console.ts";
import { activities, echo, echoes, workflows } from "./support/workflows.ts";

/** Every character that an id may have, and as many as it may have. */
const LONGEST = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_".repeat(4);

describe.skipIf(!CHROMIUM)("the lists of the console", () => {
  let w: ConsoleWorld;
  beforeAll(async () => {
    w = await ConsoleWorld.start();
    await w.worker({ workflows, activities });
  });
  afterAll(() => w?.close());

  test("29: 10,000 executions are paged through without a hole or a double while 100 more start", async () => {
    const ids = Array.from({ length: 10_000 }, (_, n) => `paged-${String(n).padStart(5, "0")}`);
    const since = Date.now() - 60_000;
    for (const [n, execution] of ids.entries()) {
      const ref = { workspace: DEFAULT_WORKSPACE, execution };
      await w.ports.executions.create(headOf(ref, since + n, { deployment: "elsewhere", workflow: "paged" }), []);
    }
    const { page, close } = await w.open("/executions?workflow_identifier=paged");
    const shown = async () => Number(/\d+/.exec((await page.getByText(/\d+ shown/).textContent()) ?? "")?.[0]);
    await page.getByText("50 shown").waitFor();
    const paged = page.evaluate(`(async () => {
      for (;;) {
        const more = [...document.querySelectorAll("footer button")].find((one) => one.textContent === "Load more");
        if (!more) return;
        if (!more.disabled) more.click();
        await new Promise((resolve) => requestAnimationFrame(resolve));
      }
    })()`);
    const paging = { ended: false };
    const end = paged.finally(() => {
      paging.ended = true;
    });
    for (let n = 0; n < 100; n++) {
      // Each at another point of the paging.
      await expect.poll(async () => paging.ended || (await shown()) >= 100 * n).toBe(true);
      const ref = { workspace: DEFAULT_WORKSPACE, execution: `meanwhile-${n}` };
      await w.ports.executions.create(headOf(ref, Date.now(), { deployment: "elsewhere", workflow: "paged" }), []);
      if (n === 50) expect(paging.ended).toBe(false);
    }
    await end;
    await page.getByText("10000 shown, no more").waitFor();
    // 10,000 rows with 10,000 ids, the first and the last of those that there were: none twice and none left out.
    await page.getByLabel("Select all that are shown").check();
    await page.getByText("10000 selected").waitFor();
    const rows = page.locator("[data-execution]");
    expect(await rows.first().getAttribute("data-execution")).toBe("paged-09999");
    await page.evaluate(`document.querySelector('section[aria-label="Executions"]').scrollTop = 1e9`);
    await page.locator('[data-execution="paged-00000"]').waitFor();
    expect(await page.locator('[data-execution^="meanwhile-"]').count()).toBe(0);
    await page.getByRole("button", { name: /^\d+ new$/ }).click();
    await page.getByText(/10\d\d\d shown, no more/).waitFor();
    await close();
  }, 120_000);

  test("a column tells what running executions wait for, and the server is asked for those alone", async () => {
    await w.start("sleeper", { id: "waits-sleeper" });
    await w.start("listens", { id: "waits-listens" });
    await w.start("steps", { id: "waits-none" });
    await expect
      .poll(async () => (await w.ask("GET", "/v1/workflows/executions/waits-none")).body.status)
      .toBe("COMPLETED");
    const { page, asked, close } = await w.open("/executions?search=waits-");
    await page.locator('[data-execution="waits-none"]').waitFor();
    expect(asked.filter((path) => path.includes("/explain"))).toEqual([]); // until a person has chosen the column
    await page.getByText("Columns", { exact: true }).click();
    await page.getByLabel("Waits for").check();
    const cell = (id: string) => page.locator(`[data-execution="${id}"] [data-waits]`);
    await cell("waits-sleeper")
      .getByText(/^timer, in 2 h/)
      .waitFor();
    await cell("waits-listens").getByText("a message").waitFor();
    expect(asked.some((path) => path.includes("waits-none/explain"))).toBe(false);
    const signal = { name: "approve", input: { by: "ada" } };
    await w.ask("POST", "/v1/workflows/executions/waits-listens/signals", signal);
    await cell("waits-listens").waitFor({ state: "detached" });
    await close();
  });

  test("31: an id with every character and the greatest length is linked, copied, reloaded and in the title", async () => {
    expect(LONGEST).toHaveLength(MAX_EXECUTION_ID);
    for (const id of [LONGEST, "-", "__", "0"]) await w.start("listens", { id });
    const { page, close } = await w.open("/executions", { permissions: ["clipboard-read", "clipboard-write"] });
    for (const id of [LONGEST, "-", "__", "0"]) {
      await page.goto(`${w.url}/console/#/executions?workflow_identifier=listens`);
      await page.locator(`[data-execution="${id}"]`).getByRole("link", { name: id, exact: true }).click();
      await page.getByRole("heading", { name: id, exact: true }).waitFor();
      await expect.poll(() => page.title()).toContain(`${id} – Sirocco`);
      expect(page.url()).toBe(`${w.url}/console/#/executions/${id}`);
      await page.reload();
      await page.getByRole("heading", { name: id, exact: true }).waitFor();
      await page.getByRole("button", { name: "Copy the id" }).click();
      await expect.poll(() => page.evaluate("navigator.clipboard.readText()")).toBe(id);
      for (const width of [390, 1280]) {
        await page.setViewportSize({ width, height: 900 });
        await expect
          .poll(() => page.evaluate<number>("document.documentElement.scrollWidth - innerWidth"))
          .toBeLessThanOrEqual(0);
      }
    }
    await close();
  });

  test("28: a column is as wide as a person drags it: in the address, after a reload, and for who opens the link", async () => {
    for (const id of ["sized-1", "sized-2"]) await w.start("listens", { id });
    const { page, close } = await w.open("/executions?search=sized-");
    await page.locator('[data-execution="sized-2"]').waitFor();
    const width = async (name: string, on = page) =>
      Math.round((await on.getByRole("columnheader", { name }).boundingBox())?.width ?? 0);
    const handle = page.getByRole("separator", { name: "Width of Workflow" });
    const before = await width("Workflow");
    const box = (await handle.boundingBox())!;
    await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width / 2 + 60, box.y + box.height / 2, { steps: 3 });
    expect(page.url()).not.toContain("columns="); // not before the person lets go
    await page.mouse.up();
    await expect.poll(() => page.url()).toMatch(/columns=status%2Cworkflow%3A\d+%2Cexecution/);
    const dragged = await width("Workflow");
    expect(Math.abs(dragged - before - 60)).toBeLessThanOrEqual(2);
    // By keys, and what does not fit is cut, not wrapped over the next column.
    const narrow = page.getByRole("separator", { name: "Width of Execution" });
    for (let n = 0; n < 40; n++) await narrow.press("ArrowLeft");
    await expect.poll(() => page.url()).toContain("execution%3A64");
    await expect.poll(() => width("Execution")).toBe(64);
    await page.reload();
    await expect.poll(() => width("Execution")).toBe(64);
    expect(await width("Workflow")).toBe(dragged);
    await page.goto(`${w.url}/console/#/executions?search=sized-`); // this browser keeps them
    await expect.poll(() => width("Execution")).toBe(64);

    const fresh = await w.open("/executions?search=sized-&columns=status%2Cworkflow%3A300%2Cexecution%3Anone");
    await expect.poll(() => width("Workflow", fresh.page)).toBe(300);
    await fresh.page.getByRole("separator", { name: "Width of Workflow" }).dblclick();
    await expect.poll(() => fresh.page.url()).toContain("columns=status%2Cworkflow%2Cexecution");
    await expect.poll(() => width("Workflow", fresh.page)).not.toBe(300);
    await fresh.page.setViewportSize({ width: 390, height: 800 }); // a phone has no columns
    await expect.poll(() => fresh.page.getByRole("separator").count()).toBe(0);
    await fresh.close();
    await close();
  });

  test("28: a pasted query becomes filters in the address, and a wrong one says what was wrong", async () => {
    const id = await w.start("listens", { id: "queried" }); // its code has set the search key
    const { page, close } = await w.open("/executions?deployment_name=dev");
    const line = page.getByLabel("Query");
    await line.fill("status:done");
    await line.press("Enter");
    await page.getByRole("alert").getByText("'done' is no status. There are running, completed").waitFor();
    expect(page.url()).toBe(`${w.url}/console/#/executions?deployment_name=dev`);
    await line.fill('status:running workflow:listens customer=ada text:"queried"');
    await line.press("Enter");
    for (const chip of ["Workflow: listens", "Deployment: dev", "Text: queried", "Key customer:ada"])
      await page.getByText(chip, { exact: true }).waitFor();
    await page.getByRole("button", { name: "Running", pressed: true }).waitFor();
    await expect.poll(() => page.locator("[data-execution]").count()).toBe(1);
    await page.locator(`[data-execution="${id}"]`).waitFor();
    expect(await line.inputValue()).toBe("");
    await page.reload();
    await page.getByText("Key customer:ada", { exact: true }).waitFor();
    await close();
  });

  test("the overview counts starts and ends from the stream, and leads from a kind of failures to that kind alone", async () => {
    const { page, asked, close } = await w.open("/");
    await expect.poll(() => page.getByTestId("live").textContent()).toBe("live");
    const rates = page.getByTestId("rates");
    await rates.waitFor();
    asked.length = 0;
    await w.start("fails", { id: "kind-1" });
    await w.start("fails", { id: "kind-2" });
    await w.start("breaks", { id: "kind-3" });
    const questioning = await w.start("asks", { id: "kind-none" });
    const told = async () =>
      /^(\d+) started, (\d+) ended in the last/.exec((await rates.textContent()) ?? "")?.slice(1);
    await expect.poll(told).toEqual(["4", "3"]);
    await expect.poll(() => page.title()).toBe("(1) Overview – Sirocco"); // a question to a person
    await w.ask("POST", `/v1/workflows/executions/${questioning}/terminate`);

    const kinds = page.getByRole("region", { name: "Failed in the last day" }).last();
    await expect.poll(() => kinds.getByRole("row").count()).toBe(3); // with that of the titles
    const row = kinds.getByRole("row").filter({ hasText: "breaks" });
    await row.getByRole("link", { name: "connect ECONNREFUSED" }).click();
    await page.getByRole("heading", { level: 1, name: "Errors" }).waitFor();
    const failures = page.getByRole("region", { name: "Failures", exact: true });
    await expect.poll(() => failures.getByRole("row").count()).toBe(2);
    await failures.getByRole("link", { name: "kind-3" }).waitFor();
    await page.getByRole("link", { name: "All kinds" }).click();
    await expect.poll(() => failures.getByRole("row").count()).toBe(3);
    await close();
  });

  test("30: a job resets all failures of one kind, from the list of errors", async () => {
    const ids = await Promise.all(["broken-1", "broken-2"].map((id) => w.start("fails", { id })));
    const state = async (id: string) => (await w.ask("GET", `/v1/workflows/executions/${id}`)).body.status;
    await expect.poll(() => Promise.all(ids.map(state))).toEqual(["FAILED", "FAILED"]);
    const { page, close } = await w.open("/errors?hours=1");
    await expect.poll(() => page.getByLabel("Ended in").inputValue()).toBe("1");
    await page.getByLabel("Ended in").selectOption({ label: "the last day" });
    await expect.poll(() => page.url()).toContain("hours=%2224%22");
    const row = page.getByRole("row").filter({ has: page.getByRole("link", { name: "fails", exact: true }) });
    await row.getByRole("button", { name: "Reset all of this kind" }).click();
    const dialog = page.getByRole("dialog", { name: "Reset all of this kind" });
    await dialog.getByText("failure: ", { exact: false }).waitFor();
    await dialog.getByLabel("Go on").selectOption("start");
    await dialog.getByRole("button", { name: "Begin the job" }).click();
    await expect.poll(() => page.getByTestId("job-counts").textContent()).toMatch(/^([2-9]) of \1 done/);
    await expect.poll(() => page.url()).toContain("/jobs/");
    await close();
  });

  test("31: an address with an id that cannot be, or that nothing has, says so", async () => {
    const { page, close } = await w.open("/executions", { expected: /404|422/ });
    await page.goto(`${w.url}/console/#/executions/no-such-execution`);
    await page.getByRole("alert").getByText("no-such-execution").first().waitFor();
    await page.goto(`${w.url}/console/#/executions/${encodeURIComponent("a/b?c=%2F #é")}`);
    await page.getByRole("alert").first().waitFor();
    await close();
  });

  test("26: the shown curl line, run in a shell, starts the same", async () => {
    const { page, close } = await w.open("/start?workflow=echoes");
    await page.getByLabel("New key of Input").waitFor();
    await page.getByRole("button", { name: "JSON", exact: true }).click();
    const input = `{"text": "it's $HOME \\\\ \\"quoted\\" \`id\` é", "n": 1.5}`;
    await write(page, "Input as JSON", input);
    await page.getByLabel("Execution id").fill("by-curl");
    const call = async () => (await page.getByTestId("call-curl").textContent()) ?? "";
    await expect.poll(call).toContain('"execution_id":"by-curl"');
    const line = await call();
    expect(line).not.toContain(w.key);
    const env = { PATH: process.env.PATH, SIROCCO_API_KEY: w.key };
    const { stdout } = await promisify(execFile)("sh", ["-c", line.replace("curl ", "curl -sS ")], { env });
    expect(JSON.parse(stdout)).toMatchObject({ execution_id: "by-curl", workflow_name: "echoes" });
    const result = async () => (await w.ask("GET", "/v1/workflows/executions/by-curl")).body.result;
    await expect.poll(result).toEqual(JSON.parse(input));

    // The link brings another browser to the same form.
    await page.getByRole("tab", { name: "Link" }).click();
    const link = (await page.getByTestId("call-link").textContent()) ?? "";
    expect(link).not.toContain(w.key);
    await close();
    const other = await w.open(link.slice(link.indexOf("#") + 1));
    const there = other.page.getByTestId("call-curl");
    await expect.poll(() => there.textContent()).toBe(line.replace(',"execution_id":"by-curl"', ""));
    await other.close();
  });

  test("26: with the input of an earlier execution a start at a time is a schedule with that one time, or fills that of many", async () => {
    const input = { text: "from before" };
    await w.start("echoes", { id: "earlier", input });
    const { page, close } = await w.open("/start?workflow=echoes", { timezoneId: "Europe/Berlin" });
    await page.getByText("it is ended 1 h after its start").waitFor();
    await page.getByText("Last inputs").click();
    await page.getByRole("button", { name: "Use the input of earlier" }).click();
    await expect.poll(() => page.getByTestId("call-curl").textContent()).toContain('"text":"from before"');
    await page.getByRole("button", { name: "At a time" }).click();
    const plan = page.getByRole("button", { name: "Plan the start" });
    expect(await plan.isDisabled()).toBe(true);
    await page.getByLabel("Date and time").fill("2030-07-01T18:30");
    await expect.poll(() => page.locator("[data-time]").allInnerTexts()).toEqual(["Mon 2030-07-01 18:30:00"]);
    await page.getByText("There are no further times.").waitFor();
    await page.getByLabel("Schedule id").fill("once-later");
    await plan.click();
    await page.getByRole("heading", { name: "once-later" }).waitFor();
    const { body } = await w.ask("GET", "/v1/workflows/schedules/once-later");
    expect(body).toMatchObject({ workflow_name: "echoes", input, time_zone_name: "Europe/Berlin" });
    const due = (body.future_executions as { scheduled_at: string }[]).map(({ scheduled_at: at }) => Date.parse(at));
    expect(due).toEqual([Date.UTC(2030, 6, 1, 16, 30)]);

    await page.goto(`${w.url}/console/#/start?workflow=echoes&input=${encodeURIComponent('{"text":"again"}')}`);
    await page.getByRole("button", { name: "On a schedule…" }).click();
    await page.getByRole("heading", { name: "New schedule" }).first().waitFor();
    await expect.poll(() => page.getByLabel("Workflow").inputValue()).toBe("echoes");
    await page.getByLabel("Schedule id").fill("from-the-start");
    await page.getByRole("main").getByRole("button", { name: "Create" }).click();
    await page.getByRole("heading", { name: "from-the-start" }).waitFor();
    const made = await w.ask("GET", "/v1/workflows/schedules/from-the-start");
    expect(made.body).toMatchObject({ workflow_name: "echoes", input: { text: "again" } });
    await close();
  });

  test("the settings tell what the server keeps and takes", async () => {
    const { page, close } = await w.open("/settings");
    const server = page.getByRole("region", { name: "Server" });
    for (const text of ["30 d", "2 MiB", "51,200 events, 50 MiB", "4 min 50 s", "50 s"])
      await server.getByText(text, { exact: true }).waitFor();
    await close();
  });

  test("26: where two deployments serve a workflow, the refusal offers them, and the start works after a choice", async () => {
    const other = await w.worker({ workflows: [echoes], activities: [echo], deployment: "other" });
    const { page, close } = await w.open("/start?workflow=echoes", { expected: /409/ });
    await page.getByLabel("Execution id").fill("after-a-choice");
    const start = page.getByRole("main").getByRole("button", { name: "Start" });
    await start.click();
    await page.getByText("Several deployments serve this workflow: choose one.").waitFor();
    expect(await page.getByLabel("Execution id").inputValue()).toBe("after-a-choice");
    const options = page.getByLabel("Deployment", { exact: true }).locator("option");
    await expect.poll(() => options.allTextContents()).toEqual(expect.arrayContaining(["dev", "other"]));
    await page.getByLabel("Deployment", { exact: true }).selectOption("other");
    await start.click();
    await page.getByRole("heading", { name: "after-a-choice" }).waitFor();
    const { body } = await w.ask("GET", "/v1/workflows/executions/after-a-choice");
    expect(body.deployment_name).toBe("other");
    await other.stop();
    await close();
  });
});
