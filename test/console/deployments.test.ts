/** Deployments: their versions, their workers, and the starts that an operator gives to them. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { axeOn } from "./support/axe.ts";
import { CHROMIUM } from "./support/browser.ts";
import { ConsoleWorld } from "./support/console.ts";
import { pinned } from "./support/workflows.ts";

describe.skipIf(!CHROMIUM)("the deployments in the console", () => {
  let w: ConsoleWorld;
  beforeAll(async () => {
    w = await ConsoleWorld.start();
  });
  afterAll(() => w?.close());

  const serve = (deployment: string, ...workflows: string[]) =>
    w.serve(
      deployment,
      workflows.map((name) => ({ name })),
    );
  const currentFor = async (deployment: string) =>
    (await w.ask("GET", `/v1/workflows/deployments/${deployment}`)).body.current_for;
  const started = async (workflow: string) =>
    (await w.ask("POST", `/v1/workflows/${workflow}/execute`, { input: {} })).body;

  test("a deployment is promoted, gets a part, gets all, and is rolled back, and each dialog says what changes", async () => {
    const workers = [await serve("pay-v1", "pay", "refund"), await serve("pay-v2", "pay", "refund")];
    const { page, close } = await w.open("/deployments/pay-v1");
    const dialog = page.getByRole("dialog");
    const move = (workflow: string) => dialog.locator(`[data-workflow="${workflow}"]`);
    const promote = page.getByRole("button", { name: "Promote…" });

    await promote.click();
    await move("pay").getByText("the one live deployment that serves it → pay-v1").waitFor();
    await move("refund").getByRole("checkbox").uncheck();
    await move("refund").getByText("as now").waitFor();
    await dialog.getByRole("button", { name: "Promote", exact: true }).click();
    await page.getByText("New starts of one workflow go to pay-v1.").waitFor();
    await dialog.waitFor({ state: "detached" });
    const row = (workflow: string) =>
      page.getByRole("region", { name: "Workflows" }).getByRole("row", { name: new RegExp(`^${workflow} `) });
    await row("pay").getByText("100 % of new starts").waitFor();
    await row("pay").getByText("by tester").waitFor();
    expect(await currentFor("pay-v1")).toMatchObject([{ workflow_name: "pay", percent: 100 }]);

    await page.goto(`${w.url}/console/#/deployments/pay-v2`);
    await page.getByRole("heading", { name: "Deployment pay-v2" }).waitFor();
    await promote.click();
    await dialog.getByRole("button", { name: "A part" }).click();
    await move("refund").getByText("It has no current deployment yet.").waitFor();
    expect(await dialog.getByRole("button", { name: "Send 10 % there" }).isDisabled()).toBe(true);
    await move("refund").getByRole("checkbox").uncheck();
    const percent = dialog.getByLabel("Percent of the executions");
    await percent.fill("100");
    await dialog.getByText("A number from 0.01 to 99.99.").waitFor();
    await percent.fill("12.5");
    await move("pay").getByText("pay-v1 → 87.5 % pay-v1, 12.5 % pay-v2").waitFor();
    await dialog.getByRole("button", { name: "Send 12.5 % there" }).click();
    await row("pay").getByText("12.5 % of new starts").waitFor();
    expect(await currentFor("pay-v1")).toMatchObject([{ workflow_name: "pay", percent: 87.5 }]);

    await promote.click();
    await move("pay").getByText("87.5 % pay-v1, 12.5 % pay-v2 → pay-v2").waitFor();
    await dialog.getByRole("button", { name: "Promote", exact: true }).click();
    await page.getByText("New starts of 2 workflows go to pay-v2.").waitFor();
    await row("refund").getByText("100 % of new starts").waitFor();
    expect(await started("pay")).toMatchObject({ deployment_name: "pay-v2" });

    await page.getByRole("button", { name: "Roll back…" }).click();
    await move("pay").getByText("pay-v2 → pay-v1").waitFor();
    await move("refund").getByText("Where several serve it, a start must name one.").waitFor();
    await dialog.getByRole("button", { name: "Roll back", exact: true }).click();
    await page.getByText("New starts go where they went before pay-v2 was promoted.").waitFor();
    await page.getByRole("button", { name: "Roll back…" }).waitFor({ state: "detached" });
    expect(await currentFor("pay-v1")).toMatchObject([{ workflow_name: "pay", percent: 100 }]);
    expect(await started("pay")).toMatchObject({ deployment_name: "pay-v1" });
    for (const worker of workers) await worker.stop();
    await close();
  });

  test("the list tells the age of the oldest execution of each deployment, and which is safe to stop", async () => {
    const [old, next] = [await serve("ship-v1", "ship"), await serve("ship-v2", "ship")];
    await w.ask("POST", "/v1/workflows/deployments/ship-v1/promote");
    await w.ask("POST", "/v1/workflows/ship/execute", { input: {}, execution_id: "the-oldest" });
    await w.ask("POST", "/v1/workflows/deployments/ship-v2/promote");
    const { page, close } = await w.open("/deployments");
    const row = (name: string) =>
      page.getByRole("region", { name: "All deployments" }).getByRole("row", { name: new RegExp(`^${name} `) });
    await row("ship-v1").getByRole("link", { name: "the-oldest" }).waitFor();
    await row("ship-v1")
      .getByText(/just now| ago/)
      .first()
      .waitFor();
    await row("ship-v2").getByText("ship", { exact: true }).waitFor();
    expect(await row("ship-v1").getByText("safe to stop").count()).toBe(0);
    await w.ask("POST", "/v1/workflows/executions/the-oldest/terminate", {});
    await page.getByRole("link", { name: "ship-v1" }).click();
    await page.getByText("safe to stop").waitFor();
    await old.stop();
    await page.reload();
    await page.getByText("no live worker").waitFor();
    const promote = page.getByRole("button", { name: "Promote…" });
    expect(await promote.isDisabled()).toBe(true);
    expect(await promote.getAttribute("title")).toBe("No worker of this deployment is live.");
    await next.stop();
    await close();
  });

  test("versions of a deployment's code stand below it, and each says of which deployment it is one", async () => {
    const workers = [await serve("shop-b2", "buy"), await serve("other", "sell"), await serve("shop", "buy")];
    const { page, close } = await w.open("/jobs");
    // What a worker with pinned workflows makes of its deployment.
    type Told = { name: string; version_of?: string; version?: string };
    const told = (one: Told): Told => (one.name === "shop-b2" ? { ...one, version_of: "shop", version: "b2" } : one);
    await page.route(/\/deployments(\/shop-b2)?(\?|$)/, async (route) => {
      const response = await route.fetch();
      const body = (await response.json()) as Told & { deployments?: Told[] };
      const json = body.deployments ? { ...body, deployments: body.deployments.map(told) } : told(body);
      await route.fulfill({ response, json });
    });
    await page.goto(`${w.url}/console/#/deployments`);
    const table = page.getByRole("region", { name: "All deployments" });
    const row = table.getByRole("row", { name: /^shop-b2 ?version b2 of shop/ });
    await row.waitFor();
    const names = await table
      .getByRole("row")
      .evaluateAll((all) => all.map((one) => one.querySelector("a")?.textContent));
    expect(names.indexOf("shop-b2")).toBe(names.indexOf("shop") + 1);
    await row.getByRole("link", { name: "shop-b2" }).click();
    await page.getByRole("heading", { name: "Deployment shop-b2" }).waitFor();
    await page.getByText("version b2 of").waitFor();
    await page.getByRole("main").getByRole("link", { name: "shop", exact: true }).click();
    await page.getByRole("heading", { name: "Deployment shop", exact: true }).waitFor();
    await page.getByText("version b2 of").waitFor({ state: "detached" });
    for (const worker of workers) await worker.stop();
    await close();
  });

  test("13: the page of a pinned execution says on which version it runs, whether that is live, and which others are", async () => {
    const first = await w.worker({ workflows: [pinned], activities: [], deployment: "fleet", buildId: "b1" });
    const id = await w.start("holds-on");
    const { page, close } = await w.open(`/executions/${id}`);
    const about = (term: string) => page.locator("header dl > div").filter({ hasText: term }).locator("dd");
    const version = about("Version").first();
    await expect.poll(() => version.innerText()).toMatch(/^b1 of fleet\s+live$/);
    await expect.poll(() => about("Live versions").innerText()).toBe("fleet-b1");
    const second = await w.worker({ workflows: [pinned], activities: [], deployment: "fleet", buildId: "b2" });
    await first.stop();
    await page.reload();
    await expect.poll(() => version.innerText()).toMatch(/^b1 of fleet\s+no live worker$/);
    await about("Live versions").getByRole("link", { name: "fleet-b2" }).click();
    await page.getByRole("heading", { name: "Deployment fleet-b2" }).waitFor();
    await page.goto(`${w.url}/console/#/executions/${await w.start("holds-on")}`);
    await expect.poll(() => version.innerText()).toMatch(/^b2 of fleet\s+live$/);
    await second.stop();
    await close();
  });

  test("the page of workflows names the current deployment, and promotes by keyboard alone", async () => {
    const workers = [await serve("mail-v1", "mail"), await serve("mail-v2", "mail")];
    const { page, close } = await w.open("/workflows");
    const panel = page.getByRole("region", { name: "mail" }).first();
    await panel.getByRole("button", { name: "More" }).click();
    await panel.getByText("2 deployments with live workers serve this workflow").waitFor();
    const promote = panel.getByRole("button", { name: "Promote mail-v2 for mail…" });
    await promote.focus();
    await page.keyboard.press("Enter");
    const dialog = page.getByRole("dialog", { name: "Promote mail-v2" });
    await dialog.getByText("the one live deployment that serves it → mail-v2").waitFor();
    const focused = (name: string) =>
      dialog.getByRole("button", { name, exact: true }).evaluate((one) => one === one.ownerDocument.activeElement);
    for (let stops = 0; !(await focused("Promote")); stops++) {
      expect(stops).toBeLessThan(20);
      await page.keyboard.press("Tab");
    }
    await page.keyboard.press("Enter");
    await dialog.waitFor({ state: "detached" });
    await panel.getByText("Starts that name no deployment go to mail-v2").waitFor();
    expect(await promote.evaluate((one) => one === one.ownerDocument.activeElement)).toBe(true);
    await panel.getByText("100 % of new starts").waitFor();
    await panel.getByRole("button", { name: "Roll mail-v2 back for mail…" }).press("Enter");
    await page.getByRole("dialog", { name: "Roll mail-v2 back" }).waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    expect(await currentFor("mail-v2")).toMatchObject([{ workflow_name: "mail" }]);
    for (const worker of workers) await worker.stop();
    await close();
  });

  test("the overview names workflows that no deployment is current for, and paused schedules with their notes", async () => {
    const workers = [await serve("two-v1", "twofold"), await serve("two-v2", "twofold")];
    const schedule = { input: {}, schedule_id: "stopped", cron_expressions: ["0 3 * * *"] };
    const body = { schedule, workflow_identifier: "twofold", deployment_name: "two-v1" };
    const made = await w.ask("POST", "/v1/workflows/schedules", body);
    expect(made.status, JSON.stringify(made.body)).toBe(201);
    await w.ask("POST", "/v1/workflows/schedules/stopped/pause", { note: "until the bank is back" });
    const { page, close } = await w.open();
    const panel = page.getByRole("region", { name: "Starts that need a person" });
    await panel.getByRole("link", { name: "twofold" }).waitFor();
    await panel.getByRole("link", { name: "stopped" }).waitFor();
    await panel.getByText("until the bank is back").waitFor();
    await w.ask("POST", "/v1/workflows/deployments/two-v2/promote");
    await w.ask("POST", "/v1/workflows/schedules/stopped/resume", {});
    await page.reload();
    await panel.getByText("No schedule is paused.").waitFor();
    expect(await panel.getByRole("link", { name: "twofold" }).count()).toBe(0);
    for (const worker of workers) await worker.stop();
    await close();
  });

  test("34: the overview names the schedules of which a due time has started nothing since yesterday, with the reason", async () => {
    const worker = await serve("once-v1", "once");
    const schedule = { input: {}, schedule_id: "overtaken", intervals: [{ every: "PT1S" }] };
    const body = { schedule, workflow_identifier: "once", deployment_name: "once-v1" };
    expect((await w.ask("POST", "/v1/workflows/schedules", body)).status).toBe(201);
    // The first execution stays open, so that the second due time is skipped.
    const view = async () => (await w.ask("GET", "/v1/workflows/schedules/overtaken")).body;
    await expect.poll(async () => (await view()).not_started).toMatchObject({ outcome: "skipped_overlap" });
    await w.ask("POST", "/v1/workflows/schedules/overtaken/pause", {});
    const { page, close } = await w.open();
    const list = page.getByRole("list", { name: "Schedules with due times that started nothing" });
    await list.getByText("skipped overlap").waitFor();
    await list.getByText(/due (just now|.* ago): .+/).waitFor();
    await list.getByRole("link", { name: "overtaken" }).click();
    await page.getByRole("heading", { level: 1, name: "overtaken" }).waitFor();
    await w.ask("DELETE", "/v1/workflows/schedules/overtaken");
    await worker.stop();
    await close();
  });

  test("13: the overview counts by reason what the oldest running executions wait for, and names the oldest", async () => {
    const worker = await serve("lone-v1", "lonely");
    for (const n of [1, 2, 3])
      await w.ask("POST", "/v1/workflows/lonely/execute", { input: {}, execution_id: `lonely-${n}` });
    await worker.stop();
    const { page, asked, close } = await w.open("/", { expected: /500/ });
    const panel = page.getByRole("region", { name: "What the oldest running executions wait for" });
    const reason = panel.locator('[data-reason="no_live_worker"]');
    await reason.getByText("who must act: operator").waitFor();
    await panel.getByText(/^All \d+ that run were asked\.$/).waitFor();
    const count = async () => Number(await reason.locator("[data-status], span").first().textContent());
    expect(await count()).toBeGreaterThanOrEqual(3);
    const explained = () => asked.filter((path) => path.endsWith("/explain")).length;
    const once = explained();
    expect(once).toBeLessThanOrEqual(20);
    const before = await count();
    await w.ask("POST", "/v1/workflows/executions/lonely-1/terminate", {});
    await panel.getByRole("button", { name: "Ask again" }).click();
    await expect.poll(count).toBe(before - 1);
    expect(explained()).toBeLessThan(2 * once);
    await page.route("**/lonely-2/explain", (route) => route.fulfill({ status: 500, body: '{"detail":"No."}' }));
    await panel.getByRole("button", { name: "Ask again" }).click();
    await panel.getByText("1 could not be asked.").waitFor();
    expect(await count()).toBe(before - 2);
    // Those that run longest are asked, not more of them than the panel says.
    const next = await serve("lone-v1", "lonely");
    for (let n = 0; n < 20; n++)
      await w.ask("POST", "/v1/workflows/lonely/execute", {
        input: {},
        execution_id: `crowd-${n}`,
        deployment_name: "lone-v1",
      });
    await panel.getByRole("button", { name: "Ask again" }).click();
    await panel.getByText("The 20 oldest were asked; more are running.").waitFor();
    await next.stop();
    await close();
  });

  test("a refused promotion keeps the dialog, with the server's words", async () => {
    const worker = await serve("gone-v1", "gone");
    const { page, close } = await w.open("/deployments/gone-v1", { expected: /409/ });
    await page.getByRole("button", { name: "Promote…" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.locator('[data-workflow="gone"]').waitFor();
    await worker.stop();
    await dialog.getByRole("button", { name: "Promote", exact: true }).click();
    await dialog.getByText("No worker of deployment 'gone-v1' is live").waitFor();
    await close();
  });

  test("36: axe finds nothing on versions side by side, nor in opened dialogs and menus, light or dark", async () => {
    const workers = [await serve("axe-v1", "seen"), await serve("axe-v2", "seen")];
    await w.ask("POST", "/v1/workflows/deployments/axe-v1/promote");
    const { page, close } = await w.open("/workflows?compare=seen", { colorScheme: "light" });
    const check = await axeOn(page);
    await page.getByText(/^Alike in all \d+ parts$/).waitFor();
    await check("versions");
    const dialog = page.getByRole("dialog");
    const opened = async (path: string, button: string) => {
      await page.goto(`${w.url}/console/#${path}`);
      await page.getByRole("button", { name: button }).click();
      await dialog.waitFor();
      await expect.poll(() => dialog.getByRole("status", { name: "Loading" }).count()).toBe(0);
      await check(button);
      await page.keyboard.press("Escape");
      await dialog.waitFor({ state: "detached" });
    };
    await opened("/deployments/axe-v1", "Promote…");
    await opened("/deployments/axe-v1", "Roll back…");
    await opened("/schedules", "Pause all…");
    await opened("/settings", "Add a key");
    await page.keyboard.press("?");
    await dialog.waitFor();
    await check("keys");
    await page.keyboard.press("Escape");
    await page.keyboard.press("Control+k");
    await page.getByRole("combobox").first().waitFor();
    await check("palette");
    for (const worker of workers) await worker.stop();
    await close();
  });

  test("two deployments' versions of a workflow stand side by side, and only what differs", async () => {
    const version = (deployment: string, more: Record<string, unknown>) =>
      w.serve(deployment, [{ name: "priced", ...more }]);
    const schema = (type: string) => ({ type: "object", properties: { amount: { type } } });
    const handler = (name: string) => ({ name, input_schema: {} });
    const old = await version("v1", { input_schema: schema("integer"), signals: [handler("stop")] });
    const next = await version("v2", { input_schema: schema("string"), signals: [handler("stop"), handler("hurry")] });
    const same = await version("v3", { input_schema: schema("string"), signals: [handler("stop"), handler("hurry")] });
    const { page, close } = await w.open("/workflows");
    const panel = page.getByRole("region", { name: "priced" }).first();
    await panel.getByRole("button", { name: "More" }).click();
    await page.getByRole("link", { name: "Two versions side by side" }).click();
    await page.getByLabel("First deployment").selectOption("v1");
    await page.getByLabel("Second deployment").selectOption("v2");
    await expect.poll(() => page.url()).toBe(`${w.url}/console/#/workflows?compare=priced&a=v1&b=v2`);
    await page.getByText(/^2 of \d+ parts differ$/).waitFor();
    const titles = () =>
      page.locator("[data-part]").evaluateAll((all) => all.map((one) => one.getAttribute("data-part")));
    await expect.poll(titles).toEqual(["input schema", "signal hurry"]);
    await page.getByRole("figure", { name: "input schema of v1" }).getByText('"integer"').waitFor();
    await page.getByRole("figure", { name: "input schema of v2" }).getByText('"string"').waitFor();
    await page.locator('[data-part="signal hurry"]').getByText("It has none.").waitFor();
    await page.reload();
    await expect.poll(titles).toEqual(["input schema", "signal hurry"]);
    await page.getByLabel("First deployment").selectOption("v3");
    await page.getByText(/^Alike in all \d+ parts$/).waitFor();
    for (const worker of [old, next, same]) await worker.stop();
    await close();
  });

  test("a deployment shows the slots, the CPU and the memory of its live workers", async () => {
    const slots = { activity_slots: 8, workflow_tasks: 1, workflow_slots: 200, cached: 5 };
    const load = { ...slots, activities: 8, cpu: 1.5, memory_bytes: 300 * 2 ** 20 };
    const busy = await w.serve("loaded", [{ name: "heavy" }], { name: "busy", load });
    const calm = await w.serve("loaded", [{ name: "heavy" }], { name: "calm" });
    const { page, close } = await w.open("/deployments/loaded");
    const row = (name: string) => page.getByRole("region", { name: "Workers" }).locator("tr", { hasText: name });
    for (const text of ["8 of 8", "1 of 200", "150 %", "300.0 MiB"]) await row("busy").getByText(text).waitFor();
    await row("calm").getByText("live").waitFor();
    expect(await row("calm").getByText(" of ").count()).toBe(0); // it has told nothing yet
    for (const worker of [busy, calm]) await worker.stop();
    await close();
  });
});
