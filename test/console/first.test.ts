/** Reach, rights and headers of the console, and its lists: sections A and F of what it promises. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Mistral } from "@mistralai/mistralai";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CONTENT_SECURITY_POLICY } from "../../shared/protocol/page-headers.ts";
import { loadAxe, RULES, SHEETS, showIn, violationsOn } from "./support/axe.ts";
import { CHROMIUM, open } from "./support/browser.ts";
import { ConsoleWorld } from "./support/console.ts";
import { tooFaintOn } from "./support/contrast.ts";
import { activities, workflows } from "./support/workflows.ts";

const COMMAND = fileURLToPath(new URL("../../cli/bin.js", import.meta.url));

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
    const { page, close } = await w.open("/", { isOwn: true });
    await expect.poll(() => page.title()).toBe("Overview – Sirocco");
    await expect.poll(() => page.url()).toBe(`${w.url}/console/#/`);
    const resources = await page.evaluate<string[]>('performance.getEntriesByType("resource").map(({ name }) => name)');
    expect(resources.filter((name) => name.includes(w.key))).toEqual([]);
    expect(w.logged.length).toBeGreaterThan(0);
    expect(w.logged.filter((line) => line.includes(w.key))).toEqual([]);
    await page.reload();
    await page.getByRole("heading", { name: "Overview" }).waitFor();
    await close();
  });

  test.skipIf(process.platform !== "linux")(
    "1: the address that a real `sirocco dev` prints in a terminal shows the overview, and its log has no key",
    async () => {
      const data = mkdtempSync(join(tmpdir(), "sirocco-console-dev-"));
      // `script` gives the command a terminal; its input goes there. A shell that stays in between would answer Ctrl-C with a status of its own.
      const command = `exec '${process.execPath}' '${COMMAND}' dev --port 0 --data '${data}' --log-level info`;
      const dev = spawn("script", ["-qefc", command, "/dev/null"], { stdio: ["pipe", "pipe", "inherit"] });
      const ended = once(dev, "exit");
      let out = "";
      dev.stdout.setEncoding("utf8").on("data", (text: string) => {
        out += text;
      });
      // biome-ignore lint/suspicious/noControlCharactersInRegex: a terminal has colours
      const printed = () => /console: (?:\x1b\[\d+m)*(http:\/\/\S+?\/console\/#key=[^\s\x1b]+)/.exec(out)?.[1];
      await expect.poll(printed).toBeTruthy();
      const address = new URL(printed() ?? "");
      const key = decodeURIComponent(address.hash.slice("#key=".length));
      const { page, close } = await open(w.browser, address.origin, { isOwn: true });
      await page.goto(address.href);
      await page.getByRole("heading", { level: 1, name: "Overview" }).waitFor();
      await expect.poll(() => page.url()).toBe(`${address.origin}/console/#/`);
      await page.getByText("No worker has registered yet.").waitFor();
      await close();
      const lines = out.split("\n").filter((line) => !/^(\S*SIROCCO_API_KEY=|console: )/.test(line));
      expect(lines.filter((line) => line.includes(key) && !line.includes("#key="))).toEqual([]);
      dev.stdin.write("\x03");
      expect(await ended).toEqual([0, null]);
      rmSync(data, { recursive: true });
    },
  );

  test("3: a wrong key leads to a sentence, and a revoked one back to Connect", async () => {
    const { page, close } = await w.open("/executions", { expected: /401/ });
    const own = await w.newKey(["admin"]);
    await page.evaluate("sessionStorage.clear()");
    await page.goto(`${w.url}/console/`);
    await page.getByLabel("API key").fill("sk_wrong_key_0123456789");
    await page.getByRole("button", { name: "Connect" }).click();
    const asked: string[] = [];
    page.on("request", (request) => asked.push(request.url()));
    await page.getByText("The server does not know this key.").waitFor();
    await page.waitForLoadState("networkidle");
    expect(asked.filter((url) => url.includes("/v1/")).length).toBeLessThan(2); // it is not tried again and again
    await page.getByLabel("API key").fill(own);
    await page.getByRole("button", { name: "Connect" }).click();
    await page.getByRole("heading", { name: "Overview" }).waitFor();

    const { body } = await w.ask("GET", "/v1/keys");
    const found = (body.keys as { key_id: string; name: string }[]).find(({ name }) => name === "admin");
    expect((await w.ask("DELETE", `/v1/keys/${found?.key_id}`)).status).toBe(204);
    const filtered = `${w.url}/console/#/executions?search=kept&order=asc&sort_by=end_time`;
    await page.goto(filtered); // a read of its own may have met the refusal before
    await page.getByRole("heading", { name: "Connect to Sirocco" }).waitFor();
    await page.getByLabel("API key").fill(w.key);
    await page.getByRole("button", { name: "Connect" }).click();
    await page.getByText("Text: kept").waitFor(); // the page as it was
    expect(page.url()).toBe(filtered);
    await close();
  });

  test("4: a key that may only read enables no control that writes", async () => {
    const id = await w.start("listens");
    const { page, close } = await w.open(`/executions/${id}`, { key: await w.newKey(["read"]) });
    await page.getByTestId("why-summary").waitFor();
    await page.getByText("Read only").waitFor();
    await expect.poll(() => page.locator("[data-write]").count()).toBeGreaterThan(3);
    expect(await page.locator("[data-write]:enabled").count()).toBe(0);
    for (const path of [
      "/executions",
      "/start?workflow=steps",
      "/schedules",
      "/schedules/nightly",
      "/deployments/dev",
      "/holds",
    ]) {
      await page.goto(`${w.url}/console/#${path}`);
      await page.locator("[data-write]").first().waitFor();
      await expect.poll(() => page.getByRole("status", { name: "Loading" }).count()).toBe(0);
      expect(await page.locator("[data-write]:enabled").count(), path).toBe(0);
    }
    await close();

    // A page that believes to have all rights: the server refuses, and the page says what it said.
    const forced = await w.open(`/executions/${id}`, { key: await w.newKey(["read"]), expected: /403/ });
    await forced.page.route("**/v1/whoami", async (route) => {
      const response = await route.fetch();
      await route.fulfill({ response, json: { ...(await response.json()), rights: ["admin"] } });
    });
    await forced.page.reload();
    await forced.page.getByRole("button", { name: "Cancel", exact: true }).click();
    const answer = forced.page.waitForResponse((response) => response.url().endsWith("/cancel"));
    await forced.page.getByRole("dialog").getByRole("button", { name: "Cancel it" }).click();
    const refusal = await answer;
    expect(refusal.status()).toBe(403);
    const { detail } = (await refusal.json()) as { detail: string };
    await forced.page.getByRole("dialog").getByText(detail).waitFor();
    expect((await w.ask("GET", `/v1/workflows/executions/${id}`)).body.status).toBe("RUNNING");
    await forced.close();
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
    const { page, close } = await w.open("/", { isOwn: true });
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
    const client = new Mistral({ serverURL: w.url, apiKey: w.key });
    await client.workflows.executeWorkflow({
      workflowIdentifier: "listens",
      workflowExecutionRequest: { executionId: "appears", input: {} },
    });
    await page.getByRole("button", { name: /\d+ new/ }).click();
    const row = page.locator('[data-execution="appears"]');
    await row.getByText("Running").waitFor();
    await w.ask("POST", "/v1/workflows/executions/appears/signals", { name: "approve", input: { by: "ada" } });
    await row.getByText("Completed").waitFor();

    // Once the list has told the end, the page of the execution never tells anything else, nor does the list again.
    await page.evaluate(`(() => {
      window.told = new Set();
      const look = () => {
        const isThere = document.querySelector("main h1")?.textContent === "appears";
        const status = isThere && document.querySelector("main header [data-status]");
        if (status) told.add(status.textContent);
      };
      new MutationObserver(look).observe(document.body, { childList: true, subtree: true, characterData: true });
    })()`);
    await row.getByRole("link", { name: "appears" }).click();
    await page
      .getByTestId("why-summary")
      .getByText(/completed/)
      .waitFor();
    await page.goBack();
    await row.getByText("Completed").waitFor();
    expect(await page.evaluate("[...told]")).toEqual(["Completed"]);
    expect((await w.ask("GET", "/v1/workflows/executions/appears")).body.status).toBe("COMPLETED");
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
    await expect.poll(() => page.locator("[data-execution]").count()).toBe(1);
    await page.goBack();
    await expect.poll(() => page.getByText("Workflow: fails").count()).toBe(0);
    await page.goForward();
    await page.getByText("Workflow: fails").waitFor();

    // The order, and the columns.
    await page.getByRole("button", { name: "Started ↓" }).click();
    await page.getByRole("columnheader", { name: "Started ↑" }).waitFor();
    await page.getByText("Columns", { exact: true }).click();
    await page.getByRole("checkbox", { name: "Deployment" }).uncheck();
    await page.getByRole("checkbox", { name: "Ended" }).check();
    await page.getByRole("button", { name: "Move Ended to the left" }).click();
    const titles = () => page.getByRole("columnheader").allTextContents();
    const shown = ["", "Status", "Workflow", "Execution", "Started ↑", "Ended ", "Duration"];
    await expect.poll(titles).toEqual(shown);
    await expect.poll(() => page.url()).toContain("columns=status%2Cworkflow%2Cexecution%2Cstart%2Cend%2Cduration");

    // A view holds all of it, and survives a reload.
    await page.getByRole("button", { name: "Save as a view" }).click();
    await page.getByRole("dialog").getByLabel("Name").fill("Sad ones");
    await page.getByRole("dialog").getByRole("button", { name: "Save" }).click();
    const link = page.url();
    await page.getByRole("button", { name: "Clear all" }).click();
    await expect.poll(() => page.url()).toBe(`${w.url}/console/#/executions`);
    await page.reload();
    await page.getByRole("button", { name: "Sad ones", exact: true }).click();
    await expect.poll(() => page.url()).toBe(link);
    await page.locator(`[data-execution="${id}"]`).waitFor();
    const download = page.waitForEvent("download");
    await page.getByRole("button", { name: "Export" }).click();
    const file = readFileSync(await (await download).path(), "utf8");
    await close();

    // In a fresh profile the link shows the same, and the file brings the view.
    const fresh = await w.open(link.slice(link.indexOf("#") + 1));
    await fresh.page.locator(`[data-execution="${id}"]`).waitFor();
    await expect.poll(() => fresh.page.getByRole("columnheader").allTextContents()).toEqual(shown);
    await fresh.page.getByText("Workflow: fails").waitFor();
    expect(await fresh.page.getByRole("button", { name: "Sad ones", exact: true }).count()).toBe(0);
    const given = (text: string) =>
      fresh.page
        .getByLabel("File of saved views")
        .setInputFiles({ name: "views.json", mimeType: "application/json", buffer: Buffer.from(text) });
    await given('{"views": {"odd": {"colour": "red"}}}');
    await fresh.page.getByText("the view 'odd' has a filter that this console does not know: colour").waitFor();
    await given(file);
    await fresh.page.getByText("1 view was read.").waitFor();
    await fresh.page.getByRole("button", { name: "Sad ones", pressed: true }).waitFor();
    await fresh.close();
  });

  test("36: a text that is too faint is found in either theme, and one that is not is left alone", async () => {
    const { page, close } = await w.open("/jobs", { colorScheme: "light" });
    await page.getByRole("heading", { level: 1, name: "Jobs" }).waitFor();
    await page.evaluate(`(() => {
      const make = (text, style) => Object.assign(document.querySelector("main").appendChild(document.createElement("p")), { textContent: text }).setAttribute("id", style);
      make("faint in light", "a");
      make("faint in dark", "b");
      make("faint by opacity", "c");
      const [a, b, c] = ["a", "b", "c"].map((id) => document.getElementById(id).style);
      a.color = "#999";
      b.color = "#555";
      c.opacity = "0.3";
    })()`);
    const faint = async () => (await tooFaintOn(page)).map((one) => /id="(.)"/.exec(one)?.[1] ?? one);
    expect(await faint()).toEqual(["a", "c"]);
    await loadAxe(page);
    const byAxe = (await violationsOn(page, { runOnly: { type: "rule", values: ["color-contrast"] } })) as {
      parts: string[];
    }[];
    expect(byAxe.flatMap(({ parts }) => parts.map((one) => /id="(.)"/.exec(one)?.[1]))).toEqual(["a", "c"]);
    await showIn(page, "dark");
    expect(await faint()).toEqual(["b", "c"]);
    await close();
  });

  /** Every rule once; the contrast of texts, which alone differs between themes, in both; all widths on the same page. */
  test("36, 38: axe finds nothing on any page, light or dark, and none scrolls sideways at 1280, 390 and 320 px", async () => {
    const id = await w.start("listens");
    const failed = await w.start("fails");
    const job = await w.ask("POST", "/v1/workflows/jobs", { action: "cancel", filter: { search: "nothing-has-this" } });
    await w.start("asks");
    const { page, close } = await w.open("/", { colorScheme: "light" });
    await loadAxe(page);
    const narrow = { runOnly: { type: "rule", values: ["target-size", "scrollable-region-focusable"] } };
    const paths = [
      ...PATHS,
      `/jobs/${job.body.job_id}`,
      `/executions/${id}`,
      `/compare?a=${id}&b=${failed}`,
      ...["history", "history&as=steps", "values", "messages", "queries", "family", "logs", "keys", "code"].map(
        (tab) => `/executions/${failed}?tab=${tab}`,
      ),
    ];
    for (const path of paths) {
      await page.setViewportSize({ width: 1280, height: 844 });
      await page.goto(`${w.url}/console/#${path}`);
      await page.getByRole("heading", { level: 1 }).first().waitFor();
      await expect.poll(() => page.getByRole("status", { name: "Loading" }).count()).toBe(0);
      const overflow = async () => {
        // The list is laid out again a moment after the width has changed.
        await page
          .waitForFunction("document.documentElement.scrollWidth <= innerWidth", null, { timeout: 10_000 })
          .catch(() => {});
        return page.evaluate<number>("document.documentElement.scrollWidth - innerWidth");
      };
      expect.soft(await violationsOn(page, RULES), `${path} light`).toEqual([]);
      expect.soft(await overflow(), `${path} 1280`).toBeLessThanOrEqual(0);
      await showIn(page, "dark");
      expect.soft(await tooFaintOn(page), `${path} dark`).toEqual([]);
      await page.setViewportSize({ width: 390, height: 844 });
      expect.soft(await overflow(), `${path} 390`).toBeLessThanOrEqual(0);
      expect.soft(await tooFaintOn(page), `${path} dark, 390`).toEqual([]);
      // Sizes and scrolling are the same in both themes.
      expect.soft(await violationsOn(page, narrow), `${path} dark, 390`).toEqual([]);
      await showIn(page, "light");
      expect.soft(await tooFaintOn(page), `${path} light, 390`).toEqual([]);
      await page.setViewportSize({ width: 320, height: 700 });
      expect.soft(await overflow(), `${path} 320`).toBeLessThanOrEqual(0);
    }
    // All style sheets are loaded now.
    expect(await violationsOn(page, SHEETS)).toEqual([]);
    await page.evaluate(
      `document.styleSheets[0].insertRule("@media (orientation: portrait) { html { transform: rotate(90deg) } }")`,
    );
    expect(await violationsOn(page, SHEETS)).toMatchObject([{ id: "css-orientation-lock" }]);
    await close();
  }, 180_000);
});

const PATHS = [
  "/",
  "/executions",
  "/start",
  "/inbox",
  "/errors",
  "/workflows",
  "/deployments",
  "/deployments/dev",
  "/holds",
  "/jobs",
  "/file",
  "/settings",
  "/schedules",
  "/schedules?view=month",
  "/schedules?view=day",
  "/schedules?view=new",
  "/schedules/nightly",
];
