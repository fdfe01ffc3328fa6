/** The page of an execution: why it waits, its steps, its events, and what can be done with it. */
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import type { Page, Request } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type RecordedHistory, replay } from "../../sdk/testing/index.ts";
import { DEFAULT_WORKSPACE } from "../../shared/api/index.ts";
import { realClock } from "../../shared/lib/clock.ts";
import type { NewEvent } from "../../shared/protocol/history.ts";
import { MAX_HISTORY_BYTES } from "../../shared/protocol/limits.ts";
import { ScriptedWorker } from "../api/support/scripted-worker.ts";
import { batchOf, headOf } from "../contract/subject.ts";
import { CHROMIUM, write } from "./support/browser.ts";
import { ConsoleWorld } from "./support/console.ts";
import { activities, after, asksAlone, before, echo, newLine, wide, work, workflows } from "./support/workflows.ts";

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
    const { page, asked, close } = await w.open("/executions/fifty-thousand?tab=history", { isOwn: true });
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
    const devtools = await page.context().newCDPSession(page);
    await devtools.send("Performance.enable");
    await devtools.send("HeapProfiler.collectGarbage");
    const { metrics } = await devtools.send("Performance.getMetrics");
    expect(metrics.find(({ name }) => name === "JSHeapUsedSize")?.value).toBeLessThan(250 * 1_048_576);
    // The same as JSON: a row for each event in sight, of which none is left out.
    await page.getByRole("button", { name: "JSON", exact: true }).click();
    await page.locator('[data-event="50000"]').getByText('"kind": "signal_received"').waitFor();
    await expect.poll(() => page.url()).toContain("as=json");
    await expect.poll(() => page.locator("[data-event]").count()).toBeLessThan(30);
    await events.press("End");
    await page.locator('[data-event="1"]').getByText('"kind": "execution_started"').waitFor();
    const place = page.getByLabel("Event or time to go to");
    await place.fill("25000");
    await place.press("Enter");
    await page.getByRole("heading", { name: "Event 25000: signal received" }).waitFor();
    await page.locator('[data-event="25000"]').waitFor();
    // By step there are those of the newest events, each signal one of them.
    await page.getByRole("button", { name: "By step", exact: true }).click();
    await page.getByText("the newest 4,000 of 50,000 events").waitFor();
    const bySteps = page.getByRole("region", { name: "Events by step" });
    await expect.poll(() => bySteps.getAttribute("aria-busy")).toBe("false");
    await bySteps.press("End");
    await page.locator('[data-event="46001"]').waitFor();
    expect(await page.locator("[data-event]").count()).toBeLessThan(200);
    await close();
  });

  test("12: 500 parallel activities are drawn, and the filter leaves exactly the failed ones", async () => {
    const id = await w.start("wide", { input: { count: 500 } });
    await expect.poll(() => status(id)).toBe("COMPLETED");
    const { page, close } = await w.open(`/executions/${id}`);
    await page.getByText("500 of 500 steps").waitFor();
    await page.getByRole("group", { name: "Steps to show" }).getByRole("button", { name: "failed" }).click();
    await page.getByText("5 of 500 steps").waitFor();
    await expect.poll(() => page.locator("[data-step]").count()).toBe(5);
    expect(await page.locator('[data-step]:not([data-outcome="failed"])').count()).toBe(0);
    await page.getByRole("region", { name: /^Timeline/ }).press("+");
    await expect.poll(() => page.url()).toMatch(/steps=failed.*zoom=/);
    await page.reload(); // what is shown is in the address
    await page.getByText("5 of 500 steps").waitFor();
    await page.getByRole("button", { name: "All", exact: true }).click();
    await expect.poll(() => page.url()).not.toContain("zoom=");
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
    await expect.poll(() => why(page).textContent()).toContain("completed");
    expect(await status(id)).toBe("COMPLETED");
    await page.getByRole("tab", { name: "Input and result" }).click();
    await page.getByRole("figure", { name: "Result" }).getByText('"by": "ada"').waitFor();
    await close();
  });

  test("13: without a worker, with changed code and at a timer: each names reason, actor and time", async () => {
    const first = await w.worker({ workflows: [before], activities: [work, echo], deployment: "changing" });
    const id = await w.start("changed");
    const kinds = async () =>
      ((await w.ask("GET", `/v1/workflows/executions/${id}/explain`)).body.waits as { kind: string }[]).map(
        ({ kind }) => kind,
      );
    await expect.poll(kinds).toContain("timer");
    const { page, close } = await w.open(`/executions/${id}`);
    const article = (kind: string) => page.locator(`[data-kind="${kind}"]`);
    await article("timer").getByText("Who must act: time").waitFor();
    await page.getByTestId("why").getByText("as of now").waitFor();
    await article("timer")
      .getByText(/since (just now|.* ago)/)
      .waitFor();
    await article("timer")
      .getByText(/until in 2 h 5\d min/)
      .waitFor();

    await first.stop();
    await w.ask("POST", `/v1/workflows/executions/${id}/signals`, { name: "approve", input: { by: "ada" } });
    await page.reload();
    await article("no_live_worker").getByText("Who must act: operator").waitFor();
    await expect.poll(() => why(page).textContent()).toContain("changing");

    const second = await w.worker({ workflows: [after], activities: [work, echo], deployment: "changing" });
    await article("workflow_code_failing").getByText("Who must act: developer").waitFor();
    await article("workflow_code_failing")
      .getByText(/since (just now|.* ago)/)
      .waitFor();
    await expect.poll(() => why(page).textContent()).toContain("now decides");
    await article("workflow_code_failing").getByRole("button", { name: "Reset" }).click();
    await page.getByRole("dialog").getByLabel("Go on").selectOption("start");
    await page.getByRole("dialog").getByRole("button", { name: "Reset", exact: true }).click();
    await article("timer").waitFor(); // the new run takes the steps of the new code
    await page.locator("[data-step]").getByText("echo").waitFor();
    await second.stop();
    await close();
  });

  test("13: quarantine, a rate limit, missing code and a pause of the server name reason, actor and time", async () => {
    const retry = { max_attempts: 0, first_ms: 1_000, factor: 2, max_ms: 60_000, non_retryable: [] };
    const scripted = async (
      deployment: string,
      more: { activities?: string[]; name?: string; workflow?: string } = {},
    ) => {
      const { activities = [], name = deployment, workflow = "orders" } = more;
      const worker = new ScriptedWorker({ url: w.url, key: w.key, clock: realClock, deployment, name });
      await worker.register([{ name: workflow, execution_timeout: 7_200 }], { activities });
      return worker;
    };
    const begun = async (deployment: string, activities?: string[]) => {
      const worker = await scripted(deployment, activities ? { activities } : {});
      const body = { execution_id: deployment, deployment_name: deployment };
      expect((await w.ask("POST", "/v1/workflows/orders/execute", body)).status).toBe(200);
      return { worker, drive: await worker.claim(deployment) };
    };
    const call = (options: object) =>
      ({ kind: "activity_scheduled", activity: 1, name: "charge", input: null, where: "queue", options }) as never;

    const { drive: harmful } = await begun("quarantine");
    const failure = { message: "blocked the event loop for 30 s", type: "BlockedLoopError" };
    await harmful.append([{ kind: "workflow_task_failed", failure, fingerprint: "f", quarantined: "abc" }]);
    const { worker: limited, drive } = await begun("limited", ["charge"]);
    await drive.append([call({ retry, rate_limit: { key: "provider", max: 1, per_ms: 600_000 } })]);
    await drive.park();
    const [delivery] = await limited.poll("activity");
    const permit = { items: [{ task: delivery!.task as never, attempt: 1 }] };
    for (const _ of [1, 2]) await limited.call("permit", permit);
    const { drive: lacking } = await begun("lacking");
    await lacking.append([call({ retry })]);
    const { worker: gone } = await begun("gone");
    await gone.stop();
    await scripted("gone", { name: "another", workflow: "other" });
    const loop = await w.start("continues", { input: { left: 40 } });

    const { page, close } = await w.open("/executions/quarantine");
    for (const [id, kind, actor, text, until] of [
      ["quarantine", "quarantined", "developer", /blocked the event loop/, /until in \d+ (min|s)/],
      ["limited", "activity_rate_limited", "time", /rate limit 'provider'/, /until in \d+ (min|s)/],
      ["lacking", "activity_not_served", "operator", /none of the 1 live worker/, null],
      ["gone", "workflow_not_served", "operator", /workflow 'orders'/, null],
      [loop, "held", "time", /continue/, /until in [\d.]+ s/],
    ] as const) {
      await page.goto(`${w.url}/console/#/executions/${id}`);
      await expect.poll(() => why(page).textContent(), { message: id }).toMatch(text);
      const article = page.locator(`[data-kind="${kind}"]`);
      await article.getByText(`Who must act: ${actor}`).waitFor();
      if (until) await article.getByText(until).waitFor();
    }
    await w.ask("POST", `/v1/workflows/executions/${loop}/terminate`);
    await close();
  });

  test("14: when the retry comes the bar grows without a reload, and the step's logs stand beside it", async () => {
    const { busy, gate } = newLine();
    const id = await w.start("retries-once");
    const { page, close } = await w.open(`/executions/${id}`);
    await page.locator('[data-step="activity-1"][data-outcome="open"]').waitFor();
    await expect.poll(() => page.getByTestId("live").textContent()).toBe("live");
    const loads: string[] = [];
    page.on("load", () => loads.push(page.url()));
    busy.resolve(); // the first attempt fails now that the page is there to show it
    const step = page.locator('[data-step="activity-1"]');
    const bars = step.locator("span.absolute");
    await page
      .locator('[data-kind="activity_backoff"]')
      .getByText(/until in [1-5](\.\d)? s/)
      .waitFor();
    await expect.poll(() => bars.count()).toBe(2); // the first attempt, and the wait for the second one
    await expect.poll(() => bars.count()).toBe(3);
    await expect.poll(() => why(page).textContent()).not.toContain("the line is busy");
    const part = () =>
      bars.last().evaluate((one) => Number.parseFloat((one as unknown as { style: { width: string } }).style.width));
    const early = await part();
    await expect.poll(part).toBeGreaterThan(early + 1);
    await step.click();
    const logs = page.getByTestId("step-logs");
    await logs.getByText("attempt 2 goes on").waitFor();
    gate.resolve();
    await expect.poll(() => why(page).textContent()).toContain("completed");
    await page.locator('[data-step="activity-1"][data-outcome="completed"]').waitFor();
    expect(loads).toEqual([]);
    await close();
  });

  test("14: a retried activity shows attempt, countdown and the last failure", async () => {
    const id = await w.start("retries");
    const { page, close } = await w.open(`/executions/${id}`);
    await expect.poll(() => why(page).textContent()).toContain("attempt 1 of 4");
    await expect.poll(() => why(page).textContent()).toContain("the bank is closed");
    const article = page.locator('[data-kind="activity_backoff"]');
    await article.getByText(/until in 5\d min/).waitFor();
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
    await expect.poll(() => status(id)).toBe("COMPLETED");
    const { body } = await w.ask("GET", `/v1/workflows/executions/${id}`);
    expect(body.result).toEqual({ approved: true, comment: "fine by me", level: "high" });
    await close();
  });

  test("15: three idle hours fold and unfold, keys, wheel and brush zoom, and the selection stays", async () => {
    const hour = 3_600_000;
    const at = Date.parse("2026-11-28T00:00:00Z");
    const call = (activity: number, name: string) => ({ kind: "activity_scheduled", activity, name, input: null });
    const done = (activity: number, name: string) => ({ kind: "activity_completed", activity, name, result: null });
    const events = [
      [0, { kind: "execution_started", workflow: "idle", input: null }],
      [1_000, call(1, "early")],
      [61_000, done(1, "early")],
      [3 * hour, call(2, "late")],
      [3 * hour + 60_000, done(2, "late")],
      [3 * hour + 61_000, { kind: "execution_completed", result: null }],
    ] as const;
    const text = JSON.stringify({ events: events.map(([ms, rest], i) => ({ id: i + 1, at: at + ms, ...rest })) });
    const { page, close } = await w.open("/file");
    await page.getByLabel(/Choose a file/).setInputFiles({
      name: "idle.json",
      mimeType: "application/json",
      buffer: Buffer.from(text),
    });
    const step = (name: string) => page.getByRole("button", { name: new RegExp(`^activity ${name}`) });
    const width = async (name: string) => (await step(name).locator("span.absolute").boundingBox())?.width ?? 0;
    const folded = await width("early");
    await page.getByRole("button", { name: "Unfold idle time (2 h 58 min)" }).click();
    await expect.poll(() => width("early")).toBeLessThan(folded / 10);
    await expect.poll(() => page.url()).toContain("fold=off");
    await page.getByRole("button", { name: "Fold idle time" }).click();
    await expect.poll(() => width("early")).toBe(folded);

    await step("early").click();
    const isSelected = () => step("early").getAttribute("aria-pressed");
    await expect.poll(isSelected).toBe("true");
    const timeline = page.getByRole("region", { name: /^Timeline/ });
    await timeline.press("+");
    await expect.poll(() => width("early")).toBeGreaterThan(folded * 1.5);
    await expect.poll(() => page.url()).toContain("zoom=0.25-0.75");
    expect(await isSelected()).toBe("true");
    await timeline.press("0");
    await expect.poll(() => width("early")).toBe(folded);

    const box = (await step("early").locator("span.absolute").boundingBox())!;
    await page.mouse.move(box.x + 1, box.y + 1);
    await page.keyboard.down("Control");
    await page.mouse.wheel(0, -300);
    await page.keyboard.up("Control");
    await expect.poll(() => width("early")).toBeGreaterThan(folded * 1.5);
    expect(await isSelected()).toBe("true");
    await page.getByRole("button", { name: "All", exact: true }).click();

    const strip = (await page.getByTestId("brush").boundingBox())!;
    const middle = strip.y + strip.height / 2;
    await page.mouse.move(strip.x + strip.width * 0.02, middle);
    await page.mouse.down();
    await page.mouse.move(strip.x + strip.width * 0.3, middle, { steps: 4 });
    await page.mouse.up();
    await expect.poll(() => page.url()).toMatch(/zoom=0\.0\d+-0\.(29|3)/);
    await expect.poll(() => width("early")).toBeGreaterThan(folded * 2);
    expect(await isSelected()).toBe("true");
    await page.getByTestId("brush").dblclick();
    await expect.poll(() => width("early")).toBe(folded);
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

  test("15: by step the history has a row for each step, which opens to its events; an event or a time is gone to", async () => {
    const id = await w.start("fails");
    await expect.poll(() => status(id)).toBe("FAILED");
    const { events } = (await w.ask("GET", `/v1/workflows/executions/${id}/history`)).body as {
      events: { id: number; at: number; kind: string }[];
    };
    const failed = events.find(({ kind }) => kind === "activity_failed")!;
    const { page, close } = await w.open(`/executions/${id}?tab=history&order=asc`);
    await page.getByRole("button", { name: "By step", exact: true }).click();
    const shown = () =>
      page.locator("[data-event]").evaluateAll((all) => all.map((one) => Number(one.getAttribute("data-event"))));
    await expect.poll(shown).toEqual([1, events.length]); // all others belong to the two steps
    const steps = page.locator("[data-group]");
    await expect.poll(() => steps.first().innerText()).toMatch(/work activity, completed after .*2 events/s);
    const step = steps.last().getByRole("button");
    await expect.poll(() => step.innerText()).toMatch(/breaking activity, failed after .*: connect ECONNREFUSED/s);
    await step.press("Enter");
    await page.getByTestId("failure").getByText("no such account").first().waitFor();
    await expect.poll(shown).toEqual([1, failed.id - 1, failed.id, events.length]);
    await page.reload(); // what is open is in the address
    await expect.poll(shown).toEqual([1, failed.id - 1, failed.id, events.length]);
    await page.locator(`[data-event="${failed.id}"]`).click();
    await page.getByRole("heading", { name: `Event ${failed.id}: activity failed` }).waitFor();
    await step.click();
    await expect.poll(shown).toEqual([1, events.length]);

    const place = page.getByLabel("Event or time to go to");
    const going = async (text: string) => {
      await place.fill(text);
      await place.press("Enter");
    };
    await going("2");
    await page.getByRole("heading", { name: "Event 2:" }).waitFor();
    await going("99");
    await page.getByText(`There are events 1 to ${events.length}.`).waitFor();
    await going("soon");
    await page.getByText("Write the id of an event, or a time").waitFor();
    await going(new Date(failed.at).toISOString());
    const first = events.find(({ at }) => at >= failed.at)!.id;
    await page.getByRole("heading", { name: `Event ${first}:` }).waitFor();
    await close();
  });

  test.each([10, -10])("16: a clock of the browser that is %i minutes wrong changes no duration", async (minutes) => {
    const id = await w.start("sleeper");
    const { page, close } = await w.open("/", { isOwn: true });
    await page.clock.install({ time: Date.now() + minutes * 60_000 });
    await page.goto(`${w.url}/console/#/executions/${id}`);
    await why(page).waitFor();
    const shown = await page
      .locator("dt", { hasText: "Running for" })
      .locator("xpath=following-sibling::dd")
      .textContent();
    expect(shown).toMatch(/^(\d+ ms|\d+(\.\d)? s)$/);
    const timer = page.getByRole("button", { name: /^timer/ });
    expect(await timer.getAttribute("aria-label")).toMatch(/open, (\d+ ms|\d+(\.\d)? s)$/);
    expect((await timer.locator("span.absolute").boundingBox())?.width).toBeGreaterThan(50);
    expect(await page.getByText(/Invalid Date|NaN/).count()).toBe(0);
    await close();
  });

  test("17: parent and child link to each other", async () => {
    const id = await w.start("parent");
    const { page, close } = await w.open(`/executions/${id}`);
    await page.locator('[data-kind="child"]').getByText("Who must act: child").waitFor();
    await page.locator('[data-kind="child"]').getByRole("link", { name: "Open" }).click();
    await page.getByRole("heading", { name: "the-child" }).waitFor();
    await page.getByRole("link", { name: id, exact: true }).click();
    await page.getByRole("heading", { name: id }).waitFor();

    // The child opens in place, and so does the address that says so; its steps have their details.
    const inner = page.locator('[data-step="child-1/timer-1"]');
    await page.locator('[data-step="child-1"]').waitFor();
    expect(await inner.count()).toBe(0);
    await page.getByRole("button", { name: "Steps of the child sleeper", expanded: false }).click();
    await inner.click();
    await page.getByTestId("details").getByRole("heading", { name: "Timer 1" }).waitFor();
    expect(page.url()).toContain("child=child-1");
    await page.reload();
    await expect.poll(() => inner.getAttribute("aria-pressed")).toBe("true");
    await page.getByRole("button", { name: "Steps of the child sleeper", expanded: true }).click();
    await inner.waitFor({ state: "detached" });

    // The tab of the family has the whole tree, from each of its executions.
    await page.getByRole("tab", { name: "Family" }).click();
    const tree = page.getByRole("region", { name: "Parent and children" }).last();
    const shown = () =>
      tree
        .locator("[data-depth]")
        .evaluateAll((all) => all.map((one) => [one.textContent, one.getAttribute("data-depth")]));
    const whole = [
      [id, "0"],
      ["the-child", "1"],
    ];
    await expect.poll(shown).toEqual(whole);
    await tree.getByRole("link", { name: "the-child" }).click();
    await page.getByRole("heading", { name: "the-child" }).waitFor();
    await page.getByRole("tab", { name: "Family" }).click();
    await expect.poll(shown).toEqual(whole);
    await close();
  });

  test("17: runs that continue or were reset, and what a schedule started, link back and forth", async () => {
    const id = await w.start("continues", { input: { left: 1 } });
    const { page, close } = await w.open(`/executions/${id}`);
    const back = async (word: string) => {
      await page.getByText(word, { exact: true }).waitFor();
      await page.getByRole("link", { name: "the run before" }).click();
      await page.getByText("This is an earlier run.").waitFor();
      expect(page.url()).toContain("run=");
      await page.getByRole("link", { name: "To the current one" }).click();
      await page.getByTestId("why-summary").waitFor();
      expect(page.url()).not.toContain("run=");
    };
    await back("Continues");
    expect((await w.ask("POST", `/v1/workflows/executions/${id}/reset`, { to: "start" })).status).toBe(204);
    await back("Reset of");

    // The tab of the family has all three runs, and leads to each.
    await page.getByRole("tab", { name: "Family" }).click();
    const runs = page.getByRole("region", { name: "Runs of this execution" }).last();
    await expect.poll(() => runs.getByRole("row").count()).toBe(1 + 3);
    await runs.getByRole("row", { name: /^3 .*this one/ }).waitFor();
    await runs.getByRole("row", { name: /^1 / }).getByRole("link").click();
    await page.getByText("This is an earlier run.").waitFor();
    await runs.getByRole("row", { name: /^1 .*this one/ }).waitFor();

    const schedule = { input: {}, schedule_id: "links", cron_expressions: ["0 3 * * *"] };
    await w.ask("POST", "/v1/workflows/schedules", { schedule, workflow_identifier: "sleeper" });
    await w.ask("POST", "/v1/workflows/schedules/links/trigger", {});
    await page.goto(`${w.url}/console/#/schedules/links`);
    const started = page.getByRole("region", { name: "Log" }).getByRole("link").first();
    const name = (await started.textContent()) ?? "";
    await started.click();
    await page.getByRole("heading", { level: 1, name }).waitFor();
    await page.getByRole("link", { name: "links", exact: true }).click();
    await page.getByRole("heading", { level: 1, name: "links" }).waitFor();
    await close();
  });

  test("18: signal, update, query, cancel and terminate work by keyboard, and a double click sends a signal once", async () => {
    const id = await w.start("listens");
    const { page, asked, close } = await w.open(`/executions/${id}`);
    const dialog = page.getByRole("dialog");
    const press = async (name: string, within = page.getByRole("group", { name: "Actions" })) => {
      const button = within.getByRole("button", { name, exact: true });
      await expect.poll(() => button.isEnabled()).toBe(true); // a disabled one takes no focus
      await button.focus();
      await page.keyboard.press("Enter");
    };
    await press("Query");
    await press("Send", dialog);
    await dialog.getByRole("figure", { name: "Answer" }).getByText("nobody yet").waitFor();
    await page.keyboard.press("Escape");
    await dialog.waitFor({ state: "detached" });
    await press("Update");
    await dialog.getByLabel("n", { exact: true }).focus();
    await page.keyboard.press("Control+a"); // as Tab does
    await page.keyboard.type("4");
    await press("Send", dialog);
    await dialog.getByRole("figure", { name: "Answer" }).getByText("8").waitFor();
    await page.keyboard.press("Escape");
    await dialog.waitFor({ state: "detached" }); // what lies behind an open dialog takes no focus
    await press("Signal");
    await dialog.getByLabel("by").focus();
    await page.keyboard.type("ada");
    await dialog.getByRole("button", { name: "Send", exact: true }).dblclick();
    await expect.poll(() => status(id)).toBe("COMPLETED");
    expect(asked.filter((path) => path.endsWith("/signals"))).toHaveLength(1);
    for (const [button, confirm, end] of [
      ["Cancel", "Cancel it", "CANCELED"],
      ["Terminate", "Terminate it", "TERMINATED"],
    ] as const) {
      const other = await w.start("sleeper");
      await page.goto(`${w.url}/console/#/executions/${other}`);
      await page.getByRole("heading", { level: 1, name: other }).waitFor();
      await press(button);
      await press(confirm, dialog);
      await expect.poll(() => status(other)).toBe(end);
    }
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
    await page.getByRole("button", { name: "Query", exact: true }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Send", exact: true }).click();
    await page.getByRole("dialog").getByRole("figure", { name: "Answer" }).getByText("nobody yet").waitFor();
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

  test("18: a reset says first what goes and what stays, its point is picked from the steps, and the failed step is one button", async () => {
    const id = await w.start("fails");
    await expect.poll(() => status(id)).toBe("FAILED");
    const { page, close } = await w.open(`/executions/${id}`);
    const dialog = page.getByRole("dialog");
    const list = (name: string) => dialog.getByRole("list", { name, exact: true });
    await page
      .getByTestId("cost")
      .getByText(/\d+ worker calls, 1 task, \d+ commits, [\d.]+ KiB written/)
      .waitFor();
    await page.getByRole("button", { name: "Go on from the failed step" }).click();
    await list("Begin anew").getByText("activity breaking").waitFor();
    await list("Thrown away").getByText("activity failed breaking").waitFor();
    await dialog.getByRole("button", { name: "Leave it" }).click();
    await page.getByRole("button", { name: /^activity work, completed/ }).click();
    await page.getByRole("button", { name: "Reset to before this…" }).click();
    await dialog.getByText("The new run keeps only the start.").waitFor();
    await list("Thrown away").getByText("2: activity scheduled work").waitFor();
    expect(await dialog.getByLabel("Event", { exact: true }).inputValue()).toBe("2");
    await dialog.getByLabel("Event", { exact: true }).fill("3");
    await dialog.getByText(/event 3 of run .* records no decision/).waitFor();
    await dialog.getByRole("list", { name: "Possible events" }).getByRole("button", { name: "2" }).click();
    await dialog.getByText("The new run keeps only the start.").waitFor();
    await dialog.getByRole("button", { name: "Reset", exact: true }).click();
    await page.getByText("The execution goes on in a new run.").waitFor();
    await page.getByText("Reset of").waitFor();

    // The code of the run, and what else has failed so.
    await expect.poll(() => status(id)).toBe("FAILED");
    await page.getByRole("tab", { name: "Code", exact: true }).click();
    await page.getByRole("region", { name: "Definitions that have decided" }).last().getByRole("row").nth(1).waitFor();
    await page.getByText(/executions? of this workflow failed so, the last one/).waitFor();
    await page.getByRole("link", { name: "All of this kind" }).click();
    await page.getByRole("heading", { level: 1, name: "Errors" }).waitFor();
    await page.getByRole("heading", { name: "Failures of one kind" }).waitFor();

    // A signal is given to the new run again, unless it is left out.
    const signalled = await w.start("listens");
    await w.ask("POST", `/v1/workflows/executions/${signalled}/signals`, { name: "approve", input: { by: "ada" } });
    await expect.poll(() => status(signalled)).toBe("COMPLETED");
    await page.goto(`${w.url}/console/#/executions/${signalled}`);
    await page.getByRole("button", { name: "Reset", exact: true }).click();
    await dialog.getByLabel("Go on").selectOption("start");
    await list("Kept: given to the new run again").getByText("signal received approve").waitFor();
    await dialog.getByLabel("Leave out later signals").check();
    await list("Messages that it is not given").getByText("signal received approve").waitFor();
    await dialog.getByRole("button", { name: "Leave it" }).click();
    await close();
  });

  test("18: a pinned query stays with its answer, and is asked again when the execution changes", async () => {
    const id = await w.start("listens");
    const { page, asked, close } = await w.open(`/executions/${id}?tab=queries`);
    await expect.poll(() => page.getByTestId("live").textContent()).toBe("live");
    await expect.poll(() => page.getByLabel("Query", { exact: true }).inputValue()).toBe("spoken");
    await page.getByRole("button", { name: "Ask and pin" }).click();
    const answer = page.getByRole("figure", { name: "Answer of spoken" });
    await answer.getByText("nobody yet").waitFor();
    await expect.poll(() => page.url()).toContain("pins=");
    await page.reload();
    await answer.getByText("nobody yet").waitFor();
    await expect.poll(() => page.getByTestId("live").textContent()).toBe("live");
    const queries = () => asked.filter((path) => path.endsWith("/queries")).length;
    const before = queries();
    await w.ask("POST", `/v1/workflows/executions/${id}/reset`, { to: "start" });
    await expect.poll(queries).toBeGreaterThan(before);
    await answer.getByText("nobody yet").waitFor();
    // The last answer stays when the execution has ended, and nothing is asked any more.
    await w.ask("POST", `/v1/workflows/executions/${id}/signals`, { name: "approve", input: { by: "ada" } });
    await page.getByText("It has ended: its code answers no further queries.").waitFor();
    await answer.getByText("nobody yet").waitFor();
    await page.getByRole("button", { name: "Unpin spoken" }).click();
    await answer.waitFor({ state: "detached" });
    await expect.poll(() => page.url()).not.toContain("pins=");
    await close();
  });

  test("18: a reset that failed on the way happens once, although the person repeats it and both arrive", async () => {
    const id = await w.start("listens");
    const run = (await w.ask("GET", `/v1/workflows/executions/${id}`)).body.run_id;
    const { page, close } = await w.open(`/executions/${id}`, { expected: /ERR_FAILED/ });
    const asked: Request[] = [];
    await page.route("**/reset", async (route) => {
      const request = route.request();
      asked.push(request);
      if (asked.length === 1) return route.abort();
      // The first request has reached the server late; the page has not seen the new run yet.
      const first = asked[0]!;
      const late = await fetch(first.url(), { method: "POST", headers: first.headers(), body: first.postData()! });
      expect(late.status).toBe(204);
      await route.continue();
    });
    await page.getByRole("button", { name: "Reset" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Go on").selectOption("start");
    await dialog.getByRole("button", { name: "Reset", exact: true }).click();
    await dialog.getByText("The server cannot be reached.").waitFor();
    await dialog.getByRole("button", { name: "Reset", exact: true }).click();
    await page.getByText("The execution goes on in a new run.").waitFor();
    const keys = asked.map((request) => request.headers()["idempotency-key"]);
    expect(keys).toEqual([expect.any(String), keys[0]]);
    const { executions } = (await w.ask("GET", `/v1/workflows/runs?search=${id}`)).body as {
      executions: { run_id: string }[];
    };
    expect(executions).toHaveLength(2);
    expect(executions.map((each) => each.run_id)).toContain(run);
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
    await page.getByRole("heading", { level: 1, name: "Executions" }).waitFor();
    await expect.poll(() => page.locator(`[data-execution="${id}"]`).count()).toBe(0);
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
    const { page, close } = await w.open(`/executions/${id}`, {
      expected: /ERR_INTERNET_DISCONNECTED|Failed to load/,
      isOwn: true,
    });
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
    await expect.poll(logged).toBe(3);
    const { page, close } = await w.open(`/executions/${id}?tab=logs`);
    await page.getByText("3 records").waitFor();
    await page.getByLabel("Text in the logs that were read").fill("on 2");
    await page.getByText("1 records").waitFor();
    await page.getByText("works on 2").waitFor();
    await close();
  });

  test("27: a question shows without a worker, of two browsers one answers it, and the other is told", async () => {
    const alone = () => w.worker({ workflows: [asksAlone], activities: [], deployment: "alone" });
    const first = await alone();
    const id = await w.start("asks-alone");
    const asks = async () =>
      ((await w.ask("GET", "/v1/workflows/inputs")).body.inputs as { execution_id: string }[]).some(
        (one) => one.execution_id === id,
      );
    await expect.poll(asks).toBe(true);
    await first.stop();
    const one = await w.open("/inbox?workflow=asks-alone");
    const two = await w.open("/inbox?workflow=asks-alone", { expected: /4\d\d/ });
    for (const { page } of [one, two]) {
      await page.getByText("What is the word?").waitFor();
      await page.getByText(/asked (just now|.* ago), open until in 2 h 5\d min/).waitFor();
      await page.getByRole("button", { name: "Answer" }).click();
      await page.getByRole("dialog").getByLabel("word").waitFor();
    }
    const second = await alone();
    const answer = async (page: Page, word: string) => {
      await page.getByRole("dialog").getByLabel("word").fill(word);
      await page.getByRole("dialog").getByRole("button", { name: "Answer" }).click();
    };
    await two.page.getByRole("dialog").getByLabel("word").fill("abracadabra");
    await answer(one.page, "sesame");
    await one.page.getByText("The answer was accepted.").waitFor();
    await expect.poll(() => status(id)).toBe("COMPLETED");
    // The other one learns it while they write, and what they have written stays.
    await two.page.getByRole("dialog").getByText("It was answered elsewhere meanwhile").waitFor();
    await expect
      .poll(() => two.page.getByRole("dialog").getByRole("button", { name: "Answer" }).isDisabled())
      .toBe(true);
    expect(await two.page.getByRole("dialog").getByLabel("word").inputValue()).toBe("abracadabra");
    await second.stop();
    await one.close();
    await two.close();
  });

  test("two executions are compared: the steps that differ, where their histories part, input and result", async () => {
    const a = await w.start("steps", { id: "compared-a", input: { count: 2 } });
    const b = await w.start("steps", { id: "compared-b", input: { count: 3 } });
    for (const id of [a, b]) await expect.poll(() => status(id)).toBe("COMPLETED");
    const { page, close } = await w.open("/executions?search=compared-");
    for (const id of [b, a]) await page.getByLabel(`Select ${id}`).check();
    await page.getByRole("button", { name: "Compare them" }).click();
    await expect.poll(() => page.url()).toBe(`${w.url}/console/#/compare?a=compared-b&b=compared-a`);
    await page.getByRole("button", { name: "Change sides" }).click();
    await expect.poll(() => page.url()).toBe(`${w.url}/console/#/compare?a=compared-a&b=compared-b`);
    await page.getByText("Steps: 1 of 3 differ").waitFor();
    await page.locator('[data-pair][data-differs="only in the second"]').waitFor();
    expect(await page.locator("[data-pair]").count()).toBe(1);
    await page.getByText("They went the same way for 5 events, then:").waitFor();
    await page.getByTestId("parting").getByText("Execution completed").waitFor();
    await page.getByTestId("parting").getByText("work started").waitFor();
    await page.getByTestId("values-part").getByText("Execution started").first().waitFor(); // the inputs differ
    await page.getByRole("region", { name: "Input", exact: true }).getByText("differs").waitFor();
    await page.getByRole("figure", { name: "Result of the second" }).getByText('"count": 3').waitFor();
    await page.getByRole("button", { name: "All", exact: true }).click();
    await expect.poll(() => page.locator("[data-pair]").count()).toBe(3);
    await page.reload();
    await expect.poll(() => page.locator("[data-pair]").count()).toBe(3);
    await page.getByTestId("parting").getByRole("link").first().click();
    await page.getByRole("heading", { name: "Event 6: execution completed" }).waitFor();

    // From an execution's own page the other one is chosen from those of its workflow.
    await page.getByRole("button", { name: "Compare…" }).click();
    await page.getByRole("region", { name: "Other executions" }).first().getByRole("link", { name: b }).click();
    await page.getByText("Steps: 1 of 3 differ").waitFor();
    await close();
  });

  test("20: numbers that JavaScript does not hold are shown, edited, copied and sent digit for digit", async () => {
    // The server refuses what it cannot keep.
    const { page, close } = await w.open("/start?workflow=echoes", {
      expected: /422/,
      permissions: ["clipboard-read", "clipboard-write"],
    });
    const sent = page.waitForRequest((request) => request.url().endsWith("/execute"));
    await page.getByLabel("New key of Input").waitFor();
    await page.getByRole("button", { name: "JSON", exact: true }).click();
    await page.getByTestId("code-editor").waitFor();
    const numbers = '"id": 3544790567247868102, "part": 0.23456789012345678, "far": 1e400';
    await write(page, "Input as JSON", `{${numbers}}`);
    await page.getByRole("button", { name: "Form", exact: true }).click();
    await page.getByRole("button", { name: "JSON", exact: true }).click();
    await page.getByTestId("code-editor").waitFor();
    const edited = () => page.getByLabel("Input as JSON").innerText();
    for (const number of numbers.split(", ")) await expect.poll(edited).toContain(number);
    await write(page, "Input as JSON", `{${numbers.replace("8102", "8103")}}`);
    await page.getByRole("button", { name: "Copy the call" }).click();
    const compact = numbers.replace("8102", "8103").replaceAll(": ", ":").replaceAll(", ", ",");
    await expect.poll(() => page.evaluate("navigator.clipboard.readText()")).toContain(compact);
    await page.getByRole("main").getByRole("button", { name: "Start" }).click();
    expect((await sent).postData()).toContain(compact);
    await close();
  });

  test("21: a value of 2 MB is shown in part, with its size, and whole when asked for, on the page or as a file", async () => {
    const text = `begin-${"x".repeat(1_990_000)}-end`;
    const id = await w.start("echoes", { input: { text } });
    await expect.poll(() => status(id)).toBe("COMPLETED");
    const { page, close } = await w.open(`/executions/${id}?tab=history&event=2`);
    await page.getByText("begin-xxx").first().waitFor();
    await page.getByText("1943.4 KiB in all").waitFor();
    expect(await page.content()).not.toContain("-end");
    expect((await page.content()).length).toBeLessThan(200_000);
    await page.getByRole("button", { name: "Load all" }).click();
    await page.getByRole("button", { name: "Show all" }).waitFor(); // until then the last "Download" is the history's
    const download = page.waitForEvent("download");
    await page.getByRole("button", { name: "Download" }).last().click();
    expect(JSON.parse(readFileSync(await (await download).path(), "utf8"))).toEqual({ text });
    await page.getByRole("button", { name: "Show all" }).click();
    await page.getByText(/-end/).waitFor();
    await close();
  });

  test("22: hostile text is text: no dialog, no element, no request, and hidden characters show", async () => {
    const evil = {
      html: "<img src=x onerror=alert(1)><script>alert(2)</script>",
      url: "javascript:alert(3)",
      bidi: "a\u202eb\u0007",
      constructor: { prototype: "polluted" },
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
