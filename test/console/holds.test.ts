/** Holds: what is kept from workers is marked wherever it shows, and is held and released from the pages. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { DEFAULT_WORKSPACE } from "../../shared/api/index.ts";
import { axeOn } from "./support/axe.ts";
import { CHROMIUM } from "./support/browser.ts";
import { ConsoleWorld } from "./support/console.ts";
import { activities, workflows } from "./support/workflows.ts";

describe.skipIf(!CHROMIUM)("holds in the console", () => {
  let w: ConsoleWorld;
  beforeAll(async () => {
    w = await ConsoleWorld.start();
    await w.worker({ workflows, activities });
  });
  afterAll(() => w?.close());

  const holds = async () => (await w.ask("GET", "/v1/holds")).body.holds;
  const status = async (id: string) => (await w.ask("GET", `/v1/workflows/executions/${id}`)).body.status;

  test("a deployment is held from its page, its execution says so, and its release there lets it go on", async () => {
    const { page, close } = await w.open("/deployments/dev");
    const dialog = page.getByRole("dialog");
    await page.getByRole("button", { name: "Hold…" }).click();
    expect(await dialog.getByLabel("Deployment").inputValue()).toBe("dev");
    await dialog.getByLabel("Reason").fill("the bank is down");
    await dialog.getByText("0 executions run there now.").waitFor();
    await dialog.getByRole("button", { name: "Hold", exact: true }).click();
    await page.getByText("Workers get no new tasks of deployment 'dev'.").waitFor();
    await dialog.waitFor({ state: "detached" });
    await page.locator("[data-held=held]").first().waitFor();
    expect(await page.locator("[data-held=held]").first().getAttribute("title")).toMatch(
      /^tester holds deployment 'dev' since .* the bank is down$/,
    );
    expect(await holds()).toMatchObject([
      { deployment_name: "dev", workflow_name: null, reason: "the bank is down", held_by: "tester", release: null },
    ]);

    await w.start("steps", { id: "kept" });
    await page.goto(`${w.url}/console/#/executions/kept`);
    await page.getByTestId("why-summary").getByText("so workers get no new tasks of it: the bank is down").waitFor();
    await page.locator("header [data-held=held]").waitFor();
    await page.goto(`${w.url}/console/#/executions`);
    await page.locator('[data-execution="kept"] [data-held=held]').waitFor();
    await page.goto(`${w.url}/console/#/`);
    await page.getByRole("region", { name: "Holds" }).getByText("deployment 'dev'").waitFor();
    expect(await status("kept")).toBe("RUNNING");

    await page.goto(`${w.url}/console/#/executions/kept`);
    await page.getByTestId("why").getByRole("button", { name: "Release deployment 'dev'…" }).click();
    await dialog.getByText("1 execution runs there now.").waitFor();
    await dialog.getByRole("button", { name: "Release at once" }).click();
    await page.getByText("Workers get the tasks of deployment 'dev' at once.").waitFor();
    await page.getByRole("heading", { name: "How it ended" }).waitFor();
    expect(await status("kept")).toBe("COMPLETED");
    expect(await page.locator("header [data-held]").count()).toBe(0);
    await close();
  });

  test("the list holds a workflow, releases it at a rate, changes the rate, and holds it again", async () => {
    const { page, close } = await w.open("/holds", { expected: /404/ });
    const dialog = page.getByRole("dialog");
    const row = page
      .getByRole("region", { name: "Kept from workers" })
      .last()
      .getByRole("row", { name: /sleeper/ });
    await page.getByRole("button", { name: "Hold…" }).click();
    const hold = dialog.getByRole("button", { name: "Hold", exact: true });
    expect(await hold.isDisabled()).toBe(true); // of no deployment and no workflow
    await dialog.getByLabel("Workflow").fill("sleepr");
    await hold.click();
    await dialog.getByText("There is no workflow 'sleepr' in this workspace.").waitFor();
    await dialog.getByLabel("Workflow").fill("sleeper");
    await hold.click();
    await row.getByText("held", { exact: true }).waitFor();
    await row.getByText("by tester").waitFor();

    await page.getByRole("button", { name: "Release workflow 'sleeper'…" }).click();
    await dialog.getByRole("button", { name: "At a rate" }).click();
    await dialog.getByRole("button", { name: "A minute" }).click();
    const most = dialog.getByLabel("Tasks at most");
    await most.fill("0.5");
    await dialog.getByText("A number of tasks from 0.6 to 60,000 a minute.").waitFor();
    expect(await dialog.getByRole("button", { name: /^Release/ }).isDisabled()).toBe(true);
    await most.fill("30");
    await most.press("Enter");
    await row.getByText("releasing").waitFor();
    await row.getByText("at 30/m").waitFor();
    expect(await holds()).toMatchObject([
      { deployment_name: "dev" },
      { workflow_name: "sleeper", release: { per_second: 0.5 } },
    ]);

    await page.getByRole("button", { name: "Change the rate of workflow 'sleeper'…" }).click();
    await dialog.getByRole("button", { name: "At a rate" }).click();
    await dialog.getByRole("button", { name: "Release at 10/s" }).click();
    await row.getByText("at 10/s").waitFor();
    await row.getByRole("button", { name: "Hold again…" }).click();
    await dialog.getByText("This holds it again.").waitFor();
    await hold.click();
    await row.getByText("held", { exact: true }).waitFor();
    await page.goto(`${w.url}/console/#/workflows`);
    const panel = page.getByRole("region", { name: /^sleeper/ });
    await panel.locator("[data-held=held]").waitFor();
    await panel.getByRole("button", { name: "Hold sleeper…" }).waitFor();
    await w.ask("POST", "/v1/holds/release", { workflow_name: "sleeper" });
    await close();
  });

  test("who comes too late with a release is told, and a key that may only read cannot hold", async () => {
    await w.ask("POST", "/v1/holds", { workflow_name: "listens", deployment_name: "dev" });
    const { page, close } = await w.open("/holds", { expected: /409/ });
    await page.getByRole("button", { name: "Release workflow 'listens' in deployment 'dev'…" }).click();
    const { version } = await w.ports.registry.holds(DEFAULT_WORKSPACE);
    expect(await w.ports.registry.setHolds(DEFAULT_WORKSPACE, { version: version + 1, holds: [] })).toBe(true);
    await page.getByRole("dialog").getByRole("button", { name: "Release at once" }).click();
    await page.getByRole("alert").getByText("There is no hold of workflow 'listens' in deployment 'dev'").waitFor();
    await page.getByText("Nothing is held.").waitFor();
    await close();
    const reader = await w.open("/holds", { key: await w.newKey(["read"]) });
    await reader.page.getByRole("heading", { level: 1, name: "Holds" }).waitFor();
    expect(await reader.page.getByRole("button", { name: "Hold…" }).isDisabled()).toBe(true);
    await reader.close();
  });

  test("36: axe finds nothing on holds, their marks and their dialogs, light or dark", async () => {
    await w.ask("POST", "/v1/holds", { deployment_name: "dev", reason: "seen by axe" });
    await w.start("steps", { id: "kept-for-axe" });
    const { page, close } = await w.open("/holds", { colorScheme: "light" });
    const check = await axeOn(page);
    const dialog = page.getByRole("dialog");
    const closed = async () => {
      await page.keyboard.press("Escape");
      await dialog.waitFor({ state: "detached" });
    };
    await page.locator("[data-held=held]").first().waitFor();
    await check("the list");
    await page.getByRole("button", { name: "Hold…" }).click();
    await dialog.waitFor();
    await check("Hold…");
    await closed();
    await page.getByRole("button", { name: "Release deployment 'dev'…" }).click();
    await dialog.getByRole("button", { name: "At a rate" }).click();
    await dialog.getByLabel("Tasks at most").fill("0");
    await dialog.getByRole("alert").waitFor();
    await check("Release…");
    await closed();
    for (const path of ["/", "/executions", "/executions/kept-for-axe", "/deployments", "/deployments/dev"]) {
      await page.goto(`${w.url}/console/#${path}`);
      await page.locator("main [data-held=held]").first().waitFor();
      await expect.poll(() => page.getByRole("status", { name: "Loading" }).count()).toBe(0);
      await check(path);
    }
    await w.ask("POST", "/v1/holds/release", { deployment_name: "dev" });
    await close();
  });
});
