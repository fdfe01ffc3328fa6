/** The console for every person: by keyboard alone, without colours, without motion, with a screen reader: section H. */
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { showIn } from "./support/axe.ts";
import { CHROMIUM } from "./support/browser.ts";
import { ConsoleWorld } from "./support/console.ts";
import { contrastOf, picturesOf, shapesDiffer } from "./support/pixels.ts";
import { activities, workflows } from "./support/workflows.ts";

/** What the page's own scripts have at hand. */
declare function getComputedStyle(of: unknown): { readonly outlineStyle: string };

describe.skipIf(!CHROMIUM)("the console for every person", () => {
  let w: ConsoleWorld;
  beforeAll(async () => {
    w = await ConsoleWorld.start();
    await w.worker({ workflows, activities });
  });
  afterAll(() => w?.close());
  const status = async (id: string) => (await w.ask("GET", `/v1/workflows/executions/${id}`)).body.status;

  type Role = Parameters<Page["getByRole"]>[0];
  /** Presses Tab until the control has the focus, which shows at every stop. */
  async function tabTo(page: Page, role: Role, name: string | RegExp, within = "body"): Promise<void> {
    const wanted = page.locator(within).getByRole(role, typeof name === "string" ? { name, exact: true } : { name });
    await wanted.first().waitFor();
    await expect.poll(() => wanted.first().isEnabled(), { message: `${name} can take the focus` }).toBe(true);
    let control = await wanted.first().elementHandle();
    const look = () =>
      control!.evaluate((one) => {
        const { activeElement, body } = one.ownerDocument;
        const outline = activeElement === body ? "body" : getComputedStyle(activeElement).outlineStyle;
        return { isConnected: one.isConnected, isThere: activeElement === one, outline };
      });
    for (let stops = 0; stops < 120; stops++) {
      await page.keyboard.press("Tab");
      let seen = await look();
      if (!seen.isConnected) {
        control = await wanted.first().elementHandle();
        seen = await look();
      }
      const { isThere, outline } = seen;
      expect(outline, `the focus on the way to ${name}`).not.toBe("none");
      if (isThere) return;
    }
    throw new Error(`Tab does not reach ${role} ${name}`);
  }

  test("37: start, understand a failure, retry, find, answer and schedule, by keyboard alone", async () => {
    const { page, close } = await w.open("/", { expected: /404/ }); // ids that are no schedule, and so on
    const { keyboard } = page;
    const heading = (name: string) => page.getByRole("heading", { level: 1, name, exact: true }).waitFor();

    await keyboard.press("n");
    await heading("Start an execution");
    await tabTo(page, "combobox", "Workflow", "main");
    await page
      .getByLabel("Workflow", { exact: true })
      .locator("option", { hasText: "fails" })
      .waitFor({ state: "attached" });
    await keyboard.press("f"); // the only one that begins so
    await expect.poll(() => page.url()).toContain("workflow=fails");
    await tabTo(page, "textbox", "Execution id", "main");
    await keyboard.type("by-keys");
    await tabTo(page, "button", "Start", "main");
    await keyboard.press("Enter");
    await heading("by-keys");

    await page
      .getByTestId("why-summary")
      .getByText(/no such account/)
      .waitFor();
    await tabTo(page, "button", /^activity breaking, failed/);
    await keyboard.press("Enter");
    await page.getByTestId("failure").getByText("caused by").waitFor();

    const run = (await w.ask("GET", "/v1/workflows/executions/by-keys")).body.run_id;
    await tabTo(page, "button", "Reset");
    await keyboard.press("Enter");
    const dialog = page.getByRole("dialog");
    await dialog.waitFor();
    // The dialog keeps the focus: what lies behind it is never reached.
    for (let stops = 0; stops < 14; stops++) {
      await keyboard.press("Tab");
      expect(
        await page.evaluate(`document.activeElement === document.body || !!document.activeElement.closest("dialog")`),
      ).toBe(true);
    }
    await keyboard.press("Escape");
    await dialog.waitFor({ state: "detached" });
    const reset = page.getByRole("button", { name: "Reset", exact: true });
    await expect.poll(() => reset.evaluate((one) => one === one.ownerDocument.activeElement)).toBe(true);
    await keyboard.press("Enter");
    await tabTo(page, "button", "Reset", "dialog");
    await keyboard.press("Enter");
    await page.getByText("The execution goes on in a new run.").waitFor();
    expect((await w.ask("GET", "/v1/workflows/executions/by-keys")).body.run_id).not.toBe(run);

    await w.start("asks", { id: "asks-by-keys" });
    await keyboard.press("Control+k");
    await dialog.waitFor();
    await expect.poll(() => page.evaluate("document.activeElement.tagName")).toBe("INPUT");
    await keyboard.type("asks-by-keys");
    await page.getByRole("option", { name: /asks-by-keys execution/ }).waitFor();
    await keyboard.press("Enter");
    await heading("asks-by-keys");
    await tabTo(page, "button", "Answer");
    await keyboard.press("Enter");
    await tabTo(page, "checkbox", "approved", "dialog");
    await keyboard.press("Space");
    await tabTo(page, "textbox", "comment", "dialog");
    await keyboard.type("with keys");
    await tabTo(page, "combobox", "level", "dialog");
    await keyboard.press("h");
    await tabTo(page, "button", "Answer", "dialog");
    await keyboard.press("Enter");
    await expect.poll(() => status("asks-by-keys")).toBe("COMPLETED");
    await dialog.waitFor({ state: "detached" });

    await keyboard.press("g");
    await keyboard.press("s");
    await heading("Schedules");
    await tabTo(page, "button", "New schedule");
    await keyboard.press("Enter");
    await tabTo(page, "textbox", "Schedule id");
    await keyboard.type("made-by-keys");
    await tabTo(page, "button", "Create");
    await keyboard.press("Enter");
    await heading("made-by-keys");
    expect((await w.ask("GET", "/v1/workflows/schedules/made-by-keys")).status).toBe(200);
    await close();
  });

  test("37: '?' lists every shortcut, each does what is listed, and none acts while a person types", async () => {
    const { page, close } = await w.open("/jobs");
    await page.getByRole("heading", { level: 1, name: "Jobs" }).waitFor();
    await page.keyboard.press("?");
    const list = page.getByRole("dialog", { name: "Keyboard" });
    await list.waitFor();
    const keys = await list.locator("dt").allTextContents();
    const titles = await list.locator("dd").allTextContents();
    expect(keys).toEqual(expect.arrayContaining(["Ctrl K", "n", "t", "?", "Esc", "+ − 0", "← →"]));
    await page.keyboard.press("Escape");
    await list.waitFor({ state: "detached" });
    const pages = keys.map((key, i) => [key, titles[i] as string] as const).filter(([key]) => key.startsWith("g "));
    expect(pages.length).toBeGreaterThan(7);
    for (const [key, title] of pages) {
      for (const one of key.split(" ")) await page.keyboard.press(one);
      await page.getByRole("heading", { level: 1, name: title, exact: true }).waitFor();
    }
    await page.goto(`${w.url}/console/#/executions`);
    const field = page.getByLabel("Value of the filter");
    await field.focus();
    await page.keyboard.type("gj?ntge");
    expect(await field.inputValue()).toBe("gj?ntge");
    expect(page.url()).toBe(`${w.url}/console/#/executions`);
    expect(await page.getByRole("dialog").count()).toBe(0);
    await close();
  });

  test("39: a rendering in grey tells every status and every outcome of a step by its shape, and can be read", async () => {
    await w.start("fails", { id: "grey-failed" });
    await w.start("steps", { id: "grey-completed" });
    for (const id of ["grey-running", "grey-cancelled", "grey-terminated"]) await w.start("sleeper", { id });
    await w.ask("POST", "/v1/workflows/executions/grey-cancelled/cancel");
    await w.ask("POST", "/v1/workflows/executions/grey-terminated/terminate");
    await expect.poll(() => status("grey-failed")).toBe("FAILED");
    await expect.poll(() => status("grey-completed")).toBe("COMPLETED");
    await expect.poll(() => status("grey-cancelled")).toBe("CANCELED");
    const list = "/executions?search=grey-";
    const { page, close } = await w.open(list, { colorScheme: "light", deviceScaleFactor: 2, isOwn: true });
    const devtools = await page.context().newCDPSession(page);
    await devtools.send("Emulation.setEmulatedVisionDeficiency", { type: "achromatopsia" });
    for (const colorScheme of ["light", "dark"] as const) {
      await showIn(page, colorScheme);
      await page.goto(`${w.url}/console/#${list}`);
      const words = ["Failed", "Completed", "Running", "Cancelled", "Terminated"];
      const tags = words.map((word) => page.locator(`[data-execution="grey-${word.toLowerCase()}"] [data-status]`));
      for (const [i, word] of words.entries()) await tags[i]!.getByText(word).waitFor();
      const pictures = await picturesOf([...tags, ...tags.map((tag) => tag.locator("svg"))]);
      for (const [i, word] of words.entries()) {
        expect(pictures[i]!.colour, `${word}: the rendering is grey`).toBeLessThan(3);
        expect(contrastOf(pictures[i]!), `${word} on its ground, ${colorScheme}`).toBeGreaterThan(4.5);
      }
      const icons = new Map(words.map((word, i) => [word, pictures[words.length + i]!]));
      for (const [word, icon] of icons)
        for (const [other, its] of icons)
          if (word < other)
            expect(shapesDiffer(icon, its), `${word} and ${other}, ${colorScheme}`).toBeGreaterThan(0.4);

      await page.goto(`${w.url}/console/#/executions/grey-failed`);
      const mark = (outcome: string) => page.locator(`[data-outcome="${outcome}"] span[aria-hidden]`).first();
      await page.locator('[data-outcome="failed"]').waitFor();
      await mark("failed").scrollIntoViewIfNeeded();
      const [failed, completed] = await picturesOf([mark("failed"), mark("completed")]);
      expect(failed!.colour).toBeLessThan(3);
      expect(shapesDiffer(failed!, completed!)).toBeGreaterThan(0.4);
    }
    await close();
  });

  test("40: new failures are announced to screen readers, once in five seconds at most", async () => {
    const { page, close } = await w.open("/jobs", { isOwn: true });
    await expect.poll(() => page.getByTestId("live").textContent()).toBe("live");
    await page.clock.install();
    await page.reload();
    await expect.poll(() => page.getByTestId("live").textContent()).toBe("live");
    await page.clock.pauseAt(Date.now() + 5_000);
    const region = page.getByTestId("failures-said");
    expect(await region.getAttribute("aria-live")).toBe("polite");
    expect(await region.textContent()).toBe("");
    await page.evaluate(`(() => {
      window.said = [];
      const region = document.querySelector('[data-testid="failures-said"]');
      const told = () => said.push([Date.now(), region.textContent]);
      new MutationObserver(told).observe(region, { childList: true, characterData: true, subtree: true });
    })()`);
    const said = () => page.evaluate<[at: number, text: string][]>("said");
    await w.start("fails", { id: "said-1" });
    await expect.poll(async () => (await said()).map(([, text]) => text)).toEqual(["Execution said-1 has failed."]);
    // Those that fail meanwhile wait until the five seconds are over, which only the test lets pass.
    for (const n of [2, 3, 4, 5]) await w.start("fails", { id: `said-${n}` });
    for (const n of [2, 3, 4, 5]) await expect.poll(() => status(`said-${n}`)).toBe("FAILED");
    await page.clock.runFor(4_900);
    expect(await said()).toHaveLength(1);
    const told = async () =>
      (await said()).reduce((sum, [, text]) => sum + Number(/^(\d+) executions/.exec(text)?.[1] ?? 1), 0);
    await expect
      .poll(async () => {
        await page.clock.runFor(1_000);
        return told();
      })
      .toBe(5);
    const times = (await said()).map(([at]) => at);
    expect(times.length).toBeLessThan(5);
    for (let i = 1; i < times.length; i++)
      expect((times[i] as number) - (times[i - 1] as number)).toBeGreaterThanOrEqual(5_000);
    // A region beside it tells what the person's own actions came to.
    expect(await page.locator("[aria-live]").count()).toBeGreaterThan(1);
    await close();
  });

  test("40: with reduced motion nothing is animated or moved on any page", async () => {
    const id = await w.start("listens");
    const { page, close } = await w.open("/executions", { reducedMotion: "reduce" });
    for (const path of ["/", "/executions", `/executions/${id}`, "/schedules?view=month"]) {
      await page.goto(`${w.url}/console/#${path}`);
      await page.getByRole("heading", { level: 1 }).first().waitFor();
      const moving = await page.evaluate<string[]>(`[...document.querySelectorAll("*"), document.documentElement]
        .filter((one) => {
          const style = getComputedStyle(one);
          return style.animationName !== "none" || (style.transitionDuration !== "0s" && style.transitionProperty !== "all") || style.scrollBehavior === "smooth";
        })
        .map((one) => one.outerHTML.slice(0, 100))`);
      expect(moving, path).toEqual([]);
      expect(await page.evaluate("document.getAnimations().length"), path).toBe(0);
    }
    await close();
  });

  test("41: the theme follows the system, a choice is kept, and no other theme is painted while the page loads", async () => {
    const { page, close } = await w.open("/", { colorScheme: "dark", isOwn: true });
    const theme = () => page.evaluate<string>("document.documentElement.dataset.theme");
    const ground = () => page.evaluate<string>("getComputedStyle(document.documentElement).backgroundColor");
    expect(await theme()).toBe("dark");
    const dark = await ground();
    await page.emulateMedia({ colorScheme: "light" });
    await expect.poll(theme).toBe("light");
    const light = await ground();
    expect(light).not.toBe(dark);
    await page.getByLabel("Theme").selectOption("dark");
    await expect.poll(ground).toBe(dark);

    // The page's own scripts are held back, and what is painted until they come has the theme that was chosen.
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    await page.route("**/assets/*.js", async (route) => {
      await held;
      await route.continue();
    });
    await page.reload({ waitUntil: "commit" });
    await page.waitForFunction("document.body && document.styleSheets.length > 0");
    expect(await page.evaluate("document.getElementById('root').childElementCount")).toBe(0);
    expect(await ground()).toBe(dark);
    release();
    await page.getByRole("heading", { name: "Overview" }).waitFor();
    expect(await theme()).toBe("dark");
    await page.unrouteAll({ behavior: "wait" });
    await close();
  });
});
