/** Every dialog and menu as axe sees it. Those of promotions, holds and keys are looked at beside their own tests. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { axeOn } from "./support/axe.ts";
import { CHROMIUM, type Opened } from "./support/browser.ts";
import { ConsoleWorld } from "./support/console.ts";
import { activities, workflows } from "./support/workflows.ts";

describe.skipIf(!CHROMIUM)("the dialogs of the console", () => {
  let w: ConsoleWorld;
  let opened: Opened;
  let check: (what: string) => Promise<void>;
  beforeAll(async () => {
    w = await ConsoleWorld.start();
    await w.worker({ workflows, activities });
    await w.start("listens", { id: "seen" });
    await w.start("listens", { id: "seen-too" });
    await w.start("fails", { id: "seen-failed" });
    await w.start("asks", { id: "seen-asking" });
    const schedule = { input: {}, schedule_id: "seen-nightly", cron_expressions: ["0 3 * * *"], time_zone_name: "UTC" };
    const body = { schedule, workflow_identifier: "steps" };
    expect((await w.ask("POST", "/v1/workflows/schedules", body)).status).toBe(201);
    opened = await w.open("/", { colorScheme: "light" });
    check = await axeOn(opened.page);
  });
  afterAll(async () => {
    await opened?.close();
    await w?.close();
  });

  const go = async (path: string) => {
    await opened.page.goto(`${w.url}/console/#${path}`);
    await opened.page.locator("h1:not(.sr-only)").first().waitFor();
  };
  /** Opens the dialog, lets the test fill it in, has axe look at it, and closes it. */
  const look = async (button: string, fill: () => Promise<void> = async () => {}) => {
    const { page } = opened;
    await page.getByRole("main").getByRole("button", { name: button, exact: true }).first().click();
    const dialog = page.getByRole("dialog");
    await dialog.waitFor();
    await expect.poll(() => dialog.getByRole("status", { name: "Loading" }).count()).toBe(0);
    await fill();
    await check(button);
    await page.keyboard.press("Escape");
    await dialog.waitFor({ state: "detached" });
  };

  test("36: axe finds nothing on the menu of columns, nor on the dialogs of many executions", async () => {
    const { page } = opened;
    await go("/executions?workflow_identifier=listens");
    await page.locator('[data-execution="seen"]').waitFor();
    await page.getByText("Columns", { exact: true }).click();
    await page.getByLabel("Parent").check();
    await check("columns");
    await page.getByText("Columns", { exact: true }).click();
    for (const id of ["seen", "seen-too"]) await page.getByLabel(`Select ${id}`, { exact: true }).check();
    await look("Cancel them");
    await look("Terminate them");
    await look("Signal all that match", async () => {
      await page.getByRole("dialog").getByLabel("by").fill("ada");
    });
    await look("Reset all that match");
    await look("Cancel all that match");
    await look("Terminate all that match");
  });

  test("36: axe finds nothing on the dialogs of a schedule", async () => {
    const { page } = opened;
    await go("/schedules/seen-nightly");
    await page.getByRole("heading", { name: "seen-nightly" }).waitFor();
    await look("Pause");
    await look("Trigger");
    await look("Backfill", async () => {
      await page.getByLabel("From", { exact: true }).fill("2026-01-01T00:00:00Z");
      await page.getByLabel("To", { exact: true }).fill("2026-01-05T00:00:00Z");
      await page
        .getByRole("dialog")
        .getByText(/4 times/)
        .waitFor();
    });
    await look("Delete");
  });

  test("36: axe finds nothing on the dialogs of an execution, with a refusal in them too", async () => {
    const { page } = opened;
    await go("/executions/seen");
    await page.getByTestId("why-summary").waitFor();
    for (const button of ["Signal", "Update", "Query", "Cancel", "Terminate", "Copy…"]) await look(button);
    await look("Reset", async () => {
      await page.getByRole("dialog").getByLabel("Go on").selectOption("event");
      await page.getByRole("dialog").getByLabel("Event").fill("9999");
    });
    await go("/executions/seen-asking");
    await page.getByTestId("why-summary").waitFor();
    await look("Answer", async () => {
      await page.getByRole("dialog").getByLabel("comment").fill("x"); // shorter than the form allows
      await page.getByRole("dialog").getByLabel("comment").press("Tab");
    });
    await go("/executions/seen-failed");
    await page
      .getByTestId("why-summary")
      .getByText(/no such account/)
      .waitFor();
    await look("Delete");
  });
});
