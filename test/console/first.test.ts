/** Reach, rights and headers of the console, and its lists: sections A and F of what it promises. */
import AxeBuilder from "@axe-core/playwright";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CONTENT_SECURITY_POLICY } from "../../shared/protocol/page-headers.ts";
import { CHROMIUM } from "./support/browser.ts";
import { ConsoleWorld } from "./support/console.ts";
import { activities, workflows } from "./support/workflows.ts";

describe.skipIf(!CHROMIUM)("the console in Chromium", () => {
  let w: ConsoleWorld;
  beforeAll(async () => {
    w = await ConsoleWorld.start();
    await w.worker({ workflows, activities });
    const schedule = { input: {}, cron_expressions: ["0 3 * * *"], time_zone_name: "Europe/Paris" };
    const body = { schedule: { ...schedule, schedule_id: "nightly" }, workflow_identifier: "steps" };
    expect((await w.ask("POST", "/v1/workflows/schedules", body)).status).toBe(201);
  });
  afterAll(() => w?.close());

  test("1: the address that dev prints shows the overview, and holds no key afterwards", async () => {
    const { page, close } = await w.open();
    await expect.poll(() => page.title()).toBe("Overview – Sirocco");
    expect(page.url()).toBe(`${w.url}/console/#/`);
    const resources = await page.evaluate<string[]>('performance.getEntriesByType("resource").map(({ name }) => name)');
    expect(resources.filter((name) => name.includes(w.key))).toEqual([]);
    await page.reload();
    await page.getByRole("heading", { name: "Overview" }).waitFor();
    await close();
  });

  test("3: a wrong key leads to a sentence, and a revoked one back to Connect", async () => {
    const { page, close } = await w.open("/executions", { expected: /401/ });
    const own = await w.newKey(["admin"]);
    await page.evaluate("sessionStorage.clear()");
    await page.goto(`${w.url}/console/`);
    await page.getByLabel("API key").fill("sk_wrong_key_0123456789");
    await page.getByRole("button", { name: "Connect" }).click();
    await page.getByText("The server does not know this key.").waitFor();
    await page.getByLabel("API key").fill(own);
    await page.getByRole("button", { name: "Connect" }).click();
    await page.getByRole("heading", { name: "Overview" }).waitFor();

    const { body } = await w.ask("GET", "/v1/keys");
    const found = (body.keys as { key_id: string; name: string }[]).find(({ name }) => name === "admin");
    expect((await w.ask("DELETE", `/v1/keys/${found?.key_id}`)).status).toBe(204);
    await page.goto(`${w.url}/console/#/jobs`); // a read of its own may have met the refusal before
    await page.getByRole("heading", { name: "Connect to Sirocco" }).waitFor();
    expect(page.url()).toContain("#/jobs"); // where it goes on after Connect
    await close();
  });

  test("4: a key that may only read enables no control that writes", async () => {
    const id = await w.start("listens");
    const { page, close } = await w.open(`/executions/${id}`, { key: await w.newKey(["read"]) });
    await page.getByTestId("why-summary").waitFor();
    await page.getByText("Read only").waitFor();
    expect(await page.locator("[data-write]").count()).toBeGreaterThan(3);
    expect(await page.locator("[data-write]:enabled").count()).toBe(0);
    await close();
  });

  test("5: every file comes with the exact policy, and only index.html is asked for again", async () => {
    const index = await fetch(`${w.url}/console/`);
    const html = await index.text();
    expect(index.headers.get("content-security-policy")).toBe(CONTENT_SECURITY_POLICY);
    expect(index.headers.get("x-content-type-options")).toBe("nosniff");
    expect(index.headers.get("referrer-policy")).toBe("no-referrer");
    expect(index.headers.get("cache-control")).toBe("no-cache");
    expect(html).not.toMatch(/<script(?![^>]*src=)/);
    const [, script] = /src="\.\/(assets\/[^"]+\.js)"/.exec(html) ?? [];
    const file = await fetch(`${w.url}/console/${script}`);
    expect(file.headers.get("cache-control")).toContain("immutable");
    await file.text();
    for (const path of ["../package.json", "%2e%2e/%2e%2e/package.json", "assets", "nothing.js"]) {
      expect((await fetch(`${w.url}/console/${path}`)).status, path).toBe(404);
    }
    expect((await fetch(`${w.url}/console/`, { method: "POST" })).status).toBe(405);
    expect((await fetch(`${w.url}/console`, { redirect: "manual" })).headers.get("location")).toBe("console/");
  });

  test("6: the first page loads at most 170 kB of compressed JavaScript", async () => {
    const { page, close } = await w.open();
    await page.getByText("Latest executions").waitFor();
    const bytes = await page.evaluate<number>(`performance
      .getEntriesByType("resource")
      .filter(({ name }) => name.endsWith(".js"))
      .reduce((sum, { encodedBodySize }) => sum + encodedBodySize, 0)`);
    expect(bytes).toBeGreaterThan(50_000);
    expect(bytes).toBeLessThan(170_000);
    await close();
  });

  test("7: an execution appears without a reload, and its end changes the row in place", async () => {
    const { page, close } = await w.open("/executions");
    await page.getByRole("heading", { name: "Executions" }).waitFor();
    await expect.poll(() => page.getByTestId("live").textContent()).toBe("live");
    await w.start("listens", { id: "appears" });
    await page.getByRole("button", { name: /\d+ new/ }).click();
    const row = page.locator('[data-execution="appears"]');
    await row.getByText("Running").waitFor();
    await w.ask("POST", "/v1/workflows/executions/appears/signals", { name: "approve", input: { by: "ada" } });
    await row.getByText("Completed").waitFor();
    await close();
  });

  test("28: filters are in the address, and back, reload and 'Clear all' act on them", async () => {
    const id = await w.start("fails");
    await expect.poll(async () => (await w.ask("GET", `/v1/workflows/executions/${id}`)).body.status).toBe("FAILED");
    const { page, close } = await w.open("/executions");
    await page.getByRole("group", { name: "Status" }).getByRole("button", { name: "Failed" }).click();
    await expect.poll(() => page.url()).toContain("FAILED");
    await page.getByLabel("Value of the filter").fill("fails");
    await page.getByRole("button", { name: "Add" }).click();
    await page.getByText("Workflow: fails").waitFor();
    await page.reload();
    await page.locator(`[data-execution="${id}"]`).waitFor();
    expect(await page.locator("[data-execution]").count()).toBe(1);
    await page.goBack();
    await expect.poll(() => page.getByText("Workflow: fails").count()).toBe(0);
    await page.getByRole("button", { name: "Clear all" }).click();
    await expect.poll(() => page.url()).toBe(`${w.url}/console/#/executions`);
    await close();
  });

  /** Colours differ between the themes, all else is the same. */
  test.each([
    ["light", 1280, ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]],
    ["light", 390, ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]],
    ["dark", 1280, null],
    ["dark", 390, null],
  ] as const)(
    "36, 38: axe finds nothing on any page, and none scrolls sideways: %s, %i px",
    async (theme, width, tags) => {
      const id = await w.start("listens");
      const { page, close } = await w.open("/", { colorScheme: theme, viewport: { width, height: 844 } });
      for (const path of [...PATHS, `/executions/${id}`, `/executions/${id}?tab=history`]) {
        await page.goto(`${w.url}/console/#${path}`);
        await page.getByRole("heading", { level: 1 }).first().waitFor();
        await expect.poll(() => page.getByRole("status", { name: "Loading" }).count(), { timeout: 10_000 }).toBe(0);
        const axe = new AxeBuilder({ page });
        const { violations } = await (tags ? axe.withTags([...tags]) : axe.withRules("color-contrast")).analyze();
        const told = violations.map(({ id, nodes }) => ({ id, parts: nodes.map(({ html }) => html.slice(0, 200)) }));
        expect.soft(told, path).toEqual([]);
        const overflow = await page.evaluate<number>("document.documentElement.scrollWidth - innerWidth");
        expect.soft(overflow, path).toBeLessThanOrEqual(0);
      }
      await close();
    },
    120_000,
  );
});

const PATHS = [
  "/",
  "/executions",
  "/start",
  "/workflows",
  "/deployments",
  "/deployments/dev",
  "/jobs",
  "/settings",
  "/schedules",
  "/schedules?view=month",
  "/schedules?view=new",
  "/schedules/nightly",
];
