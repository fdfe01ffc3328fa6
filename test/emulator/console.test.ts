/** The console behind CloudFront: the template's distribution, played by a proxy, before the deployed API. */
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { synthesize } from "../../infra/testing.ts";
import type { Deployment } from "../../localstack/deploy.ts";
import { type RunningWorker, startWorker } from "../../sdk/index.ts";
import { CACHED_FOR_EVER, NOT_CACHED, PAGE_HEADERS } from "../../shared/protocol/page-headers.ts";
import { CHROMIUM, launch, type Opened, open } from "../console/support/browser.ts";
import { FOLDER } from "../console/support/console.ts";
import { activities, workflows } from "../console/support/workflows.ts";
import { describeUnless } from "../support/describe-unless.ts";
import { QUIET } from "../support/test-server.ts";
import { type PlayedDistribution, playCloudFront } from "./cloudfront.ts";
import { DEPLOYED_WITHIN_MS, sharedStack } from "./shared-stack.ts";
import { cannotRun } from "./support.ts";

describeUnless(cannotRun ?? (CHROMIUM ? undefined : "Chromium is missing: apt-get install chromium-headless-shell"))(
  "the console on AWS",
  () => {
    let stack: Deployment;
    let cloudFront: PlayedDistribution;
    let worker: RunningWorker;
    let browser: Browser;
    let key: string;
    beforeAll(async () => {
      ({ stack, key } = await sharedStack());
      worker = await startWorker({
        url: stack.workerUrl,
        apiKey: key,
        deployment: "dev",
        log: QUIET,
        workflows,
        activities,
      });
      cloudFront = await playCloudFront({
        template: synthesize({ console: { files: FOLDER } }),
        files: FOLDER,
        apiUrl: stack.apiUrl,
      });
      browser = await launch();
    }, DEPLOYED_WITHIN_MS);
    afterAll(async () => {
      await browser?.close();
      await cloudFront?.close();
      await worker?.stop();
    });

    /** A page that a person has connected by typing the key. */
    async function connect(): Promise<Opened> {
      const opened = await open(browser, cloudFront.url);
      opened.page.setDefaultTimeout(30_000); // each call starts a process of the emulator's Lambda
      await opened.page.goto(`${cloudFront.url}/`);
      await opened.page.getByLabel("API key").fill(key);
      await opened.page.getByRole("button", { name: "Connect" }).click();
      await opened.page.getByRole("heading", { name: "Overview" }).waitFor();
      return opened;
    }
    const go = async (page: Page, to: string, heading: string) => {
      await page.goto(`${cloudFront.url}/#${to}`);
      await page.getByRole("heading", { name: heading }).first().waitFor();
    };

    it("has the headers of the server on one machine, and the API beside its files", async () => {
      const index = await fetch(`${cloudFront.url}/`);
      const script = /src="\.\/(assets\/[^"]+\.js)"/.exec(await index.text())?.[1];
      const asset = await fetch(`${cloudFront.url}/${script}`);
      for (const [name, value] of Object.entries(PAGE_HEADERS)) {
        expect(index.headers.get(name), name).toBe(value);
        expect(asset.headers.get(name), name).toBe(value);
      }
      expect(index.headers.get("cache-control")).toBe(NOT_CACHED);
      expect(asset.headers.get("cache-control")).toBe(CACHED_FOR_EVER);
      expect((await fetch(`${cloudFront.url}/v1/whoami`)).status).toBe(401);
      expect((await fetch(`${cloudFront.url}/nothing.js`)).status).toBe(403);
      expect((await fetch(`${cloudFront.url}/`, { method: "POST" })).status).toBe(403);
    });

    it("connects by key, starts an execution, shows it in the list and on its page, live", async () => {
      const { page, close } = await connect();
      await expect.poll(() => page.getByTestId("live").textContent(), { timeout: 30_000 }).toBe("live");
      await go(page, "/start?workflow=listens", "Start an execution");
      await page.getByLabel("Execution id").fill("on-aws");
      await page.getByRole("main").getByRole("button", { name: "Start" }).click();
      await page.getByRole("heading", { name: "on-aws" }).waitFor();
      await expect
        .poll(() => page.getByTestId("why-summary").textContent(), { timeout: 40_000 })
        .toContain("have never been called");
      await page.getByRole("tab", { name: /^History/ }).click();
      await page.getByText("Execution started").first().waitFor();
      await page.getByRole("button", { name: "Send approve" }).click();
      await page.getByRole("dialog").getByLabel("by").fill("ada");
      await page.getByRole("dialog").getByRole("button", { name: "Send", exact: true }).click();
      await expect
        .poll(() => page.getByTestId("why-summary").textContent(), { timeout: 40_000 })
        .toContain("completed");
      await go(page, "/executions", "Executions");
      await page.locator('[data-execution="on-aws"]').getByText("Completed").waitFor();
      await page.reload(); // the fragment holds the address, so the bucket is asked for its only page
      await page.locator('[data-execution="on-aws"]').waitFor();
      await close();
    }, 180_000);

    it("shows the next times of a schedule while a person types its rule", async () => {
      const { page, close } = await connect();
      await go(page, "/schedules?view=new", "New schedule");
      await page.getByLabel("Cron line 1").fill("30 2 * * *");
      await page.getByLabel("Time zone", { exact: true }).last().fill("Europe/Berlin");
      const answer = await fetch(`${stack.apiUrl}/v1/workflows/schedules/preview`, {
        method: "POST",
        headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
        body: JSON.stringify({
          schedule: { cron_expressions: ["30 2 * * *"], time_zone_name: "Europe/Berlin" },
          count: 10,
        }),
      });
      const { times } = (await answer.json()) as { times: string[] };
      const shown = () =>
        page
          .locator("[data-time]")
          .evaluateAll((all) => all.map((one) => (one as unknown as { dataset: { time: string } }).dataset.time));
      await expect.poll(shown, { timeout: 30_000 }).toEqual(times);
      await close();
    }, 60_000);
  },
);
