/** Where the console can be, when it asks its server, and what a new version of it does to an open page. */
import { cpSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Page, Request } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CHROMIUM, type Opened, open } from "./support/browser.ts";
import { ConsoleWorld, FOLDER } from "./support/console.ts";
import { behindPrefix, type Host, staticHost } from "./support/hosts.ts";
import { activities, workflows } from "./support/workflows.ts";

/** Each page, with the heading that says it is there. */
const PAGES: readonly (readonly [path: string, heading: string | RegExp])[] = [
  ["/", "Overview"],
  ["/executions", "Executions"],
  ["/executions/reached", "reached"],
  ["/executions/reached?tab=history", "reached"],
  ["/start", "Start an execution"],
  ["/inbox", "Inbox"],
  ["/errors", "Errors"],
  ["/schedules", "Schedules"],
  ["/schedules?view=month", "Schedules"],
  ["/schedules/nightly", "nightly"],
  ["/workflows", "Workflows"],
  ["/deployments", "Deployments"],
  ["/deployments/dev", /dev/],
  ["/holds", "Holds"],
  ["/jobs", "Jobs"],
  ["/file", "Downloaded history"],
  ["/settings", "Settings"],
];

describe.skipIf(!CHROMIUM)("the console at any address", () => {
  let w: ConsoleWorld;
  const hosts: Host[] = [];
  const folder = mkdtempSync(join(tmpdir(), "sirocco-console-"));
  beforeAll(async () => {
    cpSync(FOLDER, folder, { recursive: true });
    w = await ConsoleWorld.start({ consoleFolder: folder });
    await w.worker({ workflows, activities });
    await w.start("listens", { id: "reached" });
    const schedule = { input: {}, schedule_id: "nightly", cron_expressions: ["0 3 * * *"], time_zone_name: "UTC" };
    const body = { schedule, workflow_identifier: "steps" };
    expect((await w.ask("POST", "/v1/workflows/schedules", body)).status).toBe(201);
  });
  afterAll(async () => {
    for (const host of hosts) await host.close();
    await w?.close();
    rmSync(folder, { recursive: true });
  });

  const heading = (page: Page, name: string | RegExp) => page.getByRole("heading", { level: 1, name }).waitFor();
  /** Changes the address without a word to the console, which would draw the page once before its reload. */
  const readdress = (page: Page, url: string) =>
    page.evaluate(`History.prototype.replaceState.call(history, history.state, "", ${JSON.stringify(url)})`);
  const connected = async (origin: string, root: string): Promise<Opened> => {
    const opened = await open(w.browser, origin, { isOwn: true });
    await opened.page.goto(`${root}#key=${encodeURIComponent(w.key)}`);
    await heading(opened.page, "Overview");
    return opened;
  };

  test.each([
    ["the server's own path", async () => ({ origin: w.url, root: `${w.url}/console/` })],
    [
      "a prefix of a proxy",
      async () => {
        const host = await behindPrefix(w.url, "/x/y");
        hosts.push(host);
        return { origin: host.origin, root: `${host.origin}/x/y/console/` };
      },
    ],
    [
      "the root of a static host beside the API",
      async () => {
        const host = await staticHost(w.url, FOLDER);
        hosts.push(host);
        return { origin: host.origin, root: `${host.origin}/` };
      },
    ],
  ])(
    "2: at %s every page can be reloaded and opened in a new tab",
    async (_, place) => {
      const { origin, root } = await place();
      const { page, close } = await connected(origin, root);
      // All at the prefix, where a path that is not relative would be wrong.
      for (const [path, name] of root === `${origin}/` || origin === w.url ? PAGES.slice(0, 3) : PAGES) {
        await readdress(page, `${root}#${path}`);
        await page.reload();
        await heading(page, name);
      }
      await page.goto(`${root}#/executions`);
      const opened = page.context().waitForEvent("page");
      await page.getByRole("link", { name: "reached" }).click({ modifiers: ["Control"] });
      const tab = await opened;
      await heading(tab, "reached"); // the key comes from the other tab
      await expect.poll(() => tab.getByTestId("live").textContent()).toBe("live");
      expect(tab.url()).toBe(`${root}#/executions/reached`);
      for (const [path, name] of PAGES.slice(0, 3)) {
        const other = await page.context().newPage();
        await other.goto(`${root}#${path}`);
        await heading(other, name);
        await other.close();
      }
      // Forgetting the key in one tab forgets it in all.
      await tab.goto(`${root}#/settings`);
      await tab.getByRole("button", { name: "Forget the key" }).click();
      await heading(page, "Connect to Sirocco");
      await close();
    },
    60_000,
  );

  /** Requests that are not the stream, of all kinds. */
  const counted = (page: Page): string[] => {
    const requests: string[] = [];
    page.on("request", (request) => {
      if (!request.url().includes("/events/stream")) requests.push(request.url());
    });
    return requests;
  };
  /** Those of them that are under way. */
  const unanswered = (page: Page): Set<Request> => {
    const open = new Set<Request>();
    page.on("request", (request) => {
      if (!request.url().includes("/events/stream")) open.add(request);
    });
    for (const end of ["requestfinished", "requestfailed"] as const)
      page.on(end as "requestfinished", (request) => void open.delete(request));
    return open;
  };
  const hide = (page: Page, hidden: boolean) =>
    page.evaluate(`Object.defineProperty(document, "visibilityState", { value: "${hidden ? "hidden" : "visible"}", configurable: true });
      Object.defineProperty(document, "hidden", { value: ${hidden}, configurable: true });
      document.dispatchEvent(new Event("visibilitychange"));`);

  test("10: a hidden tab asks nothing for a minute, and is current within two seconds of its return", async () => {
    const { page, close } = await w.open("/executions", { isOwn: true });
    await page.locator('[data-execution="reached"]').waitFor();
    await expect.poll(() => page.getByTestId("live").textContent()).toBe("live");
    await page.clock.install();
    await page.goto(`${w.url}/console/#/executions?workflow_identifier=listens`);
    await page.reload();
    await page.locator('[data-execution="reached"]').waitFor();
    await page.clock.runFor(5_000);
    await hide(page, true);
    const requests = counted(page);
    await page.clock.runFor(60_000);
    expect(requests).toEqual([]);
    await w.start("listens", { id: "while-hidden" });
    await page.clock.runFor(10_000);
    expect(requests).toEqual([]);
    await hide(page, false);
    await page.clock.runFor(1_000);
    await page.getByRole("button", { name: "1 new" }).click();
    await page.locator('[data-execution="while-hidden"]').waitFor();
    await close();
  });

  test("10: paused, nothing that is shown changes, and going on shows what has happened", async () => {
    await w.start("listens", { id: "while-paused" });
    const { page, close } = await w.open("/executions");
    const row = page.locator('[data-execution="while-paused"]');
    await row.getByText("Running").waitFor();
    await expect.poll(() => page.getByTestId("live").textContent()).toBe("live");
    await page.getByRole("button", { name: "Updates: live. Pause" }).click();
    await expect.poll(() => page.getByTestId("live").textContent()).toBe("paused");
    const second = await page.context().newPage(); // where the same events show
    await second.goto(`${w.url}/console/#/executions`);
    const there = second.locator('[data-execution="while-paused"]');
    await there.getByText("Running").waitFor();
    await expect.poll(() => second.getByTestId("live").textContent()).toBe("live");
    const signal = { name: "approve", input: { by: "ada" } };
    await w.ask("POST", "/v1/workflows/executions/while-paused/signals", signal);
    await there.getByText("Completed").waitFor();
    await w.start("listens", { id: "after-paused" });
    await second.getByRole("button", { name: "1 new" }).waitFor();
    expect(await row.getByText("Running").count()).toBe(1);
    expect(await page.getByRole("button", { name: /\d+ new/ }).count()).toBe(0);
    await page.getByRole("button", { name: "Updates: paused. Go on" }).click();
    await row.getByText("Completed").waitFor();
    await page.getByRole("button", { name: "1 new" }).waitFor();
    await close();
  });

  test("10: a minute in which nothing happens costs four requests at most, on every page", async () => {
    const { page, close } = await w.open("/", { isOwn: true });
    await page.clock.install();
    const underWay = unanswered(page);
    await page.reload();
    for (const [path, name] of [...PAGES, ["/executions/reached?tab=logs", "reached"] as const]) {
      await page.goto(`${w.url}/console/#${path}`);
      await heading(page, name);
      await page.clock.runFor(1_000);
      await expect.poll(() => underWay.size).toBe(0); // what the page itself needed is there
      const requests = counted(page);
      for (let second = 0; second < 60; second += 30) await page.clock.runFor(30_000);
      expect.soft(requests.length, `${path}\n${requests.join("\n")}`).toBeLessThanOrEqual(4);
    }
    await close();
  });

  test("44: a version that is deployed while the page is open is loaded once, at the next page, and nothing typed is lost", async () => {
    const { page, close } = await w.open("/executions", { expected: /404|Failed to fetch/ });
    const text = page.getByLabel("Value of the filter");
    await text.fill("typed");
    const loads: string[] = [];
    page.on("load", () => loads.push(page.url()));
    deployAnother(folder);
    expect(await text.inputValue()).toBe("typed");
    await page.getByRole("link", { name: "Jobs" }).click(); // a part that the new version has under another name
    await heading(page, "Jobs");
    await expect.poll(() => loads.length).toBe(1);
    await heading(page, "Jobs");
    await page.getByRole("link", { name: "Errors" }).click();
    await heading(page, "Errors");
    await page.getByRole("link", { name: "Executions", exact: true }).click();
    await heading(page, "Executions");
    expect(loads).toEqual([`${w.url}/console/#/jobs`]);

    // A person who types on the next page before it is known that there is a version keeps what they have typed.
    await page.getByRole("link", { name: "Overview" }).click();
    await heading(page, "Overview");
    deployAnother(folder);
    await page.route(`${w.url}/console/`, async (route) => {
      if (route.request().resourceType() === "fetch") await text.fill("half a wo");
      await route.continue();
    });
    const asked = page.waitForResponse(`${w.url}/console/`);
    await page.getByRole("link", { name: "Executions", exact: true }).click();
    await (await asked).finished();
    await page.unrouteAll({ behavior: "wait" });
    await expect.poll(() => text.inputValue()).toBe("half a wo");
    expect(loads).toHaveLength(1);
    await page.getByRole("link", { name: "Jobs" }).click();
    await expect.poll(() => loads.length).toBe(2);
    await heading(page, "Jobs");
    await close();
  });
});

let versions = 0;
/** Another version of the console: every file of `assets` gets a new name, and those of the version before are gone. */
function deployAnother(folder: string): void {
  const version = `version${++versions}`;
  const assets = join(folder, "assets");
  const names = readdirSync(assets).filter((name) => /\.(js|css)$/.test(name));
  const renamed = names.map((name) => [name, name.replace(/(-[\w-]+?)?(\.\w+)$/, `-${version}$2`)] as const);
  const unique = renamed.map(([name, to], i) => [name, to.replace(version, `${version}n${i}`)] as const);
  const rewrite = (file: string) => {
    let text = readFileSync(file, "utf8");
    for (const [name, to] of unique) text = text.replaceAll(name, to);
    writeFileSync(file, text);
  };
  for (const name of names) rewrite(join(assets, name));
  for (const [name, to] of unique) renameSync(join(assets, name), join(assets, to));
  rewrite(join(folder, "index.html"));
}
