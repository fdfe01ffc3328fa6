/** The page of an execution: why it waits, its steps, its events, and what can be done with it. */
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type RecordedHistory, replay } from "../../sdk/testing/index.ts";
import { DEFAULT_WORKSPACE } from "../../shared/api/index.ts";
import type { NewEvent } from "../../shared/protocol/history.ts";
import { MAX_HISTORY_BYTES } from "../../shared/protocol/limits.ts";
import { batchOf, headOf } from "../contract/subject.ts";
import { CHROMIUM, write } from "./support/browser.ts";
import { ConsoleWorld } from "./support/console.ts";
import { activities, wide, workflows } from "./support/workflows.ts";

const poke = (n: number): NewEvent =>
  ({ kind: "signal_received", message: `signal#${randomUUID()}`, name: "poke", input: { n } }) as NewEvent;

const why = (page: Page) => page.getByTestId("why-summary");

describe.skipIf(!CHROMIUM)("the page of an execution", () => {
  let w: ConsoleWorld;
  beforeAll(async () => {
    w = await ConsoleWorld.start();
    await w.worker({ workflows, activities });
  });
  afterAll(() => w?.close());
  const status = async (id: string) => (await w.ask("GET", `/v1/workflows/executions/${id}`)).body.status;

  test("11: of 50,000 events only those in sight are read and drawn, and both ends are near", async () => {
    const ref = { workspace: DEFAULT_WORKSPACE, execution: "fifty-thousand" };
    const head = headOf(ref, Date.now(), { deployment: "dev", workflow: "steps" });
    await w.ports.executions.create(head, []);
    for (let first = 2; first <= 50_000; first += 1_000) {
      const events = Array.from({ length: Math.min(1_000, 50_001 - first) }, (_, n): NewEvent => poke(first + n));
      await w.ports.executions.putBatch(ref, head.run, batchOf(first, Date.now(), events), MAX_HISTORY_BYTES);
    }
    const { page, asked, close } = await w.open("/executions/fifty-thousand?tab=history");
    await page.getByTestId("why-summary").waitFor();
    await page.getByText("50,000 events").waitFor();
    await page.locator('[data-event="50000"]').getByText("Signal poke").waitFor();
    const events = page.getByRole("region", { name: "Events" });
    await events.press("End");
    await page.locator('[data-event="1"]').getByText("Execution started").waitFor();
    await events.press("Home");
    await page.locator('[data-event="50000"]').waitFor();
    expect(await page.locator("[data-event]").count()).toBeLessThan(200);
    expect(await page.locator("*").count()).toBeLessThan(5_000);
    expect(asked.filter((path) => path.includes("/history")).length).toBeLessThan(12);
    await close();
  }, 60_000);

  test("12: 500 parallel activities are drawn, and the filter leaves exactly the failed ones", async () => {
    const id = await w.start("wide", { input: { count: 500 } });
    await expect.poll(() => status(id), { timeout: 20_000 }).toBe("COMPLETED");
    const { page, close } = await w.open(`/executions/${id}`);
    await page.getByText("500 of 500 steps").waitFor();
    await page.getByRole("group", { name: "Steps to show" }).getByRole("button", { name: "failed" }).click();
    await page.getByText("5 of 500 steps").waitFor();
    expect(await page.locator("[data-step]").count()).toBe(5);
    expect(await page.locator('[data-step]:not([data-outcome="failed"])').count()).toBe(0);
    await close();
  });

  test("13: a missing signal is named, its button sends it, and the block changes", async () => {
    const id = await w.start("listens");
    const { page, close } = await w.open(`/executions/${id}`);
    await expect.poll(() => why(page).textContent()).toContain("have never been called");
    await page.getByText("Who must act: caller").waitFor();
    await page.getByRole("button", { name: "Send approve" }).click();
    await page.getByRole("dialog").getByLabel("by").fill("ada");
    await page.getByRole("dialog").getByRole("button", { name: "Send", exact: true }).click();
    await expect.poll(() => why(page).textContent(), { timeout: 5_000 }).toContain("completed");
    expect(await status(id)).toBe("COMPLETED");
    await page.getByRole("tab", { name: "Input and result" }).click();
    await page.getByRole("figure", { name: "Result" }).getByText('"by": "ada"').waitFor();
    await close();
  });

  test("14: a retried activity shows attempt, countdown and the last failure", async () => {
    const id = await w.start("retries");
    const { page, close } = await w.open(`/executions/${id}`);
    await expect.poll(() => why(page).textContent()).toContain("attempt 1 of 4");
    await expect.poll(() => why(page).textContent()).toContain("the bank is closed");
    const article = page.locator('[data-kind="activity_backoff"]');
    await article.getByText(/until in 59 min/).waitFor();
    await article.getByText("Evidence").click();
    await article.getByText("next attempt at").waitFor();
    await close();
  });

  test("13, 27: a person answers in the console; what does not fit keeps the form", async () => {
    const id = await w.start("asks");
    const { page, close } = await w.open("/inbox", { expected: /422/ });
    await page.getByText("May this be paid?").waitFor();
    await page.getByRole("button", { name: "Answer" }).first().click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("comment").fill("ok");
    await dialog.getByText(/comment: /).waitFor(); // too short: said before anything is sent
    await dialog.getByRole("button", { name: "Answer" }).click();
    await dialog.getByRole("alert").waitFor();
    expect(await dialog.getByLabel("comment").inputValue()).toBe("ok");
    await dialog.getByLabel("comment").fill("fine by me");
    await dialog.getByLabel("approved").check();
    await dialog.getByLabel("level").selectOption({ label: "high" });
    await dialog.getByRole("button", { name: "Answer" }).click();
    await page.getByText("No execution asks a person.").waitFor();
    const { body } = await w.ask("GET", `/v1/workflows/executions/${id}`);
    expect(body).toMatchObject({
      status: "COMPLETED",
      result: { approved: true, comment: "fine by me", level: "high" },
    });
    await close();
  });

  test("15: the address of an event opens the history at that event, with its details", async () => {
    const id = await w.start("steps", { input: { count: 40 } });
    await expect.poll(() => status(id)).toBe("COMPLETED");
    const { page, close } = await w.open(`/executions/${id}?tab=history&event=3`);
    await page.getByRole("heading", { name: "Event 3: activity completed" }).waitFor();
    await page.locator('[data-event="3"]').waitFor();
    await page.getByRole("figure", { name: "result of event 3" }).getByText('"done": 1').waitFor();
    const events = page.getByRole("region", { name: "Events" });
    await events.press("Home");
    await page.locator('[data-event="82"]').waitFor();
    await events.press("End");
    await page.locator('[data-event="1"]').waitFor();
    await close();
  });

  test("16: a clock of the browser that is ten minutes wrong changes no duration", async () => {
    const id = await w.start("sleeper");
    const { page, close } = await w.open();
    await page.clock.install({ time: Date.now() + 600_000 });
    await page.goto(`${w.url}/console/#/executions/${id}`);
    await why(page).waitFor();
    const shown = await page
      .locator("dt", { hasText: "Running for" })
      .locator("xpath=following-sibling::dd")
      .textContent();
    expect(shown).toMatch(/^(\d+ ms|\d+(\.\d)? s)$/);
    await close();
  });

  test("17: parent and child link to each other", async () => {
    const id = await w.start("parent");
    const { page, close } = await w.open(`/executions/${id}`);
    await page.locator('[data-kind="child"]').getByRole("link", { name: "Open" }).click();
    await page.getByRole("heading", { name: "the-child" }).waitFor();
    await page.getByRole("link", { name: id, exact: true }).click();
    await page.getByRole("heading", { name: id }).waitFor();
    await close();
  });

  test("18: a double click cancels once, and the server's refusal is shown in its own words", async () => {
    const id = await w.start("sleeper");
    const { page, asked, close } = await w.open(`/executions/${id}`, { expected: /409/ });
    await page.getByRole("button", { name: "Cancel" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Cancel it" }).dblclick();
    await expect.poll(() => status(id)).toBe("CANCELED");
    expect(asked.filter((path) => path.endsWith("/cancel"))).toHaveLength(1);

    const other = await w.start("sleeper");
    await page.goto(`${w.url}/console/#/executions/${other}`);
    await page.getByRole("button", { name: "Terminate" }).click();
    await w.ask("POST", `/v1/workflows/executions/${other}/terminate`);
    await page.getByRole("dialog").getByRole("button", { name: "Terminate it" }).click();
    const { body } = await w.ask("POST", `/v1/workflows/executions/${other}/terminate`);
    await page.getByRole("dialog").getByText(String(body.detail)).waitFor();
    await close();
  });

  test("18: reset, query and update work from the page", async () => {
    const id = await w.start("listens");
    const { page, close } = await w.open(`/executions/${id}`);
    await page.getByRole("button", { name: "Update", exact: true }).click();
    await page.getByRole("dialog").getByLabel("n", { exact: true }).fill("21");
    await page.getByRole("dialog").getByRole("button", { name: "Send", exact: true }).click();
    await page.getByRole("dialog").getByRole("figure", { name: "Answer" }).getByText("42").waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("tab", { name: "Messages" }).click();
    await page.getByText("update, answered").waitFor();

    const run = (await w.ask("GET", `/v1/workflows/executions/${id}`)).body.run_id;
    await page.getByRole("button", { name: "Reset" }).click();
    await page.getByRole("dialog").getByLabel("Go on").selectOption("start");
    await page.getByRole("dialog").getByRole("button", { name: "Reset", exact: true }).click();
    await page.getByText("The execution goes on in a new run.").waitFor();
    await page.getByText("Reset of").waitFor();
    expect((await w.ask("GET", `/v1/workflows/executions/${id}`)).body.run_id).not.toBe(run);
    await close();
  });

  test("18: a closed execution is deleted once a person has confirmed it, and the list comes back without it", async () => {
    const id = await w.start("steps");
    await expect.poll(() => status(id)).toBe("COMPLETED");
    const { page, close } = await w.open(`/executions/${id}`, { expected: /404/ });
    await page.getByRole("button", { name: "Delete" }).click();
    await page.getByRole("dialog").getByText("Nothing brings them back.").waitFor();
    await page.getByRole("dialog").getByRole("button", { name: "Delete it" }).click();
    await page.getByText("The execution was deleted.").waitFor();
    await page.waitForURL((url) => url.hash.startsWith("#/executions") && !url.hash.includes(id));
    expect((await w.ask("GET", `/v1/workflows/executions/${id}`)).status).toBe(404);
    expect(await page.locator(`[data-execution="${id}"]`).count()).toBe(0);
    await close();
  });

  test("19: the downloaded history is that of the API", async () => {
    const id = await w.start("steps");
    await expect.poll(() => status(id)).toBe("COMPLETED");
    const { page, close } = await w.open(`/executions/${id}`);
    const download = page.waitForEvent("download");
    await page.getByRole("button", { name: "Download" }).click();
    const saved = JSON.parse(readFileSync(await (await download).path(), "utf8"));
    expect(saved).toEqual((await w.ask("GET", `/v1/workflows/executions/${id}/history`)).body);
    await close();
  });

  test("19: a downloaded history is replayed, and shows the same steps in a browser without a network", async () => {
    const id = await w.start("wide", { input: { count: 10 } });
    await expect.poll(() => status(id)).toBe("COMPLETED");
    const { page, close } = await w.open(`/executions/${id}`, { expected: /ERR_INTERNET_DISCONNECTED|Failed to load/ });
    const steps = () => page.locator("[data-step]").evaluateAll((all) => all.map((one) => one.ariaLabel));
    await expect.poll(async () => (await steps()).length).toBe(10);
    const there = await steps();
    const download = page.waitForEvent("download");
    await page.getByRole("button", { name: "Download" }).click();
    const file = await (await download).path();
    const text = readFileSync(file, "utf8");
    await replay(wide, JSON.parse(text) as RecordedHistory);

    await page.goto(`${w.url}/console/#/file`);
    await page.getByText("or drop it anywhere on the console").waitFor();
    await page.context().setOffline(true);
    const dropped = async (name: string, content: string) => {
      const files = await page.evaluateHandle(
        `(() => {
          const files = new DataTransfer();
          files.items.add(new File([${JSON.stringify(content)}], ${JSON.stringify(name)}));
          return files;
        })()`,
      );
      await page.dispatchEvent("main", "drop", { dataTransfer: files });
    };
    await dropped("notes.json", '{"events":[{"id":7}]}');
    await page.getByText("'notes.json' is no downloaded history: its event 1 has no ascending id").waitFor();
    await dropped("wide.json", text);
    await page.getByText("wide.json").waitFor();
    await expect.poll(steps).toEqual(there);
    await page.locator('[data-outcome="failed"]').click();
    await page.getByTestId("failure").getByText("no such account").first().waitFor();
    await page.getByRole("tab", { name: /^History/ }).click();
    await page.getByText("Execution started").first().waitFor();
    await close();
  });

  test("logs of the execution's code are shown, and searched", async () => {
    const id = await w.start("steps");
    await expect.poll(() => status(id)).toBe("COMPLETED");
    const logged = async () =>
      ((await w.ask("GET", `/v1/workflows/executions/${id}/logs`)).body.results as unknown[]).length;
    await expect.poll(logged, { timeout: 10_000 }).toBe(3);
    const { page, close } = await w.open(`/executions/${id}?tab=logs`);
    await page.getByText("3 records").waitFor();
    await page.getByLabel("Text in the logs that were read").fill("on 2");
    await page.getByText("1 records").waitFor();
    await page.getByText("works on 2").waitFor();
    await close();
  });

  test("20: numbers that JavaScript does not hold are shown and sent digit for digit", async () => {
    const { page, close } = await w.open("/start?workflow=echoes", { expected: /422/ }); // the server refuses what it cannot keep
    const sent = page.waitForRequest((request) => request.url().endsWith("/execute"));
    await page.getByLabel("New key of Input").waitFor();
    await page.getByRole("button", { name: "JSON", exact: true }).click();
    await page.getByTestId("code-editor").waitFor();
    await write(page, "Input as JSON", '{"id": 3544790567247868102, "part": 0.23456789012345678}');
    await page.getByRole("button", { name: "Form", exact: true }).click();
    await page.getByRole("button", { name: "JSON", exact: true }).click();
    await page.getByTestId("code-editor").waitFor();
    expect(await page.getByLabel("Input as JSON").innerText()).toContain("3544790567247868102");
    await page.getByRole("main").getByRole("button", { name: "Start" }).click();
    expect((await sent).postData()).toContain('"id":3544790567247868102,"part":0.23456789012345678');
    await close();
  });

  test("21: a value of 300 kB is shown in part, and whole when asked for", async () => {
    const text = `begin-${"x".repeat(300_000)}-end`;
    const id = await w.start("echoes", { input: { text } });
    await expect.poll(() => status(id)).toBe("COMPLETED");
    const { page, close } = await w.open(`/executions/${id}?tab=history&event=2`);
    await page.getByText("begin-xxx").first().waitFor();
    expect(await page.content()).not.toContain("-end");
    await page.getByRole("button", { name: "Load all" }).click();
    await page.getByRole("button", { name: "Show all" }).click();
    await page.getByText(/-end/).waitFor();
    await close();
  });

  test("22: hostile text is text: no dialog, no element, no request, and hidden characters show", async () => {
    const evil = {
      html: "<img src=x onerror=alert(1)><script>alert(2)</script>",
      url: "javascript:alert(3)",
      bidi: "a\u202eb\u0007",
    };
    const id = await w.start("echoes", { input: evil });
    await expect.poll(() => status(id)).toBe("COMPLETED");
    const { page, close } = await w.open(`/executions/${id}?tab=values`);
    page.on("dialog", () => expect.unreachable());
    await page.getByText("<img src=x onerror=alert(1)>").first().waitFor();
    await page.getByText("⟨202E⟩").first().waitFor();
    expect(await page.locator('img[src="x"], a[href^="javascript"]').count()).toBe(0);
    await close();
  });
});
