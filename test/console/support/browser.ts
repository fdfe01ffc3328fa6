/**
 * A real Chromium for the tests of the console, and the page in it. Every page collects what must never happen: errors of
 * the console, violations of the Content-Security-Policy, requests to other origins. `close` fails the test on any.
 */
import { existsSync } from "node:fs";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { expect } from "vitest";

/**
 * Debian's headless shell comes first. It is the same Chromium without windows, and a new profile costs it a seventh of the
 * processor time: the whole browser starts a window with pages of its own for each.
 */
const PLACES = [
  process.env.CHROMIUM,
  "/usr/bin/chromium-headless-shell",
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
];
export const CHROMIUM: string | undefined = PLACES.find((place) => place !== undefined && existsSync(place));

if (!CHROMIUM && process.env.CI)
  throw new Error("Chromium is missing: apt-get install chromium-headless-shell, or set CHROMIUM");

const ARGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--no-first-run",
  // A page lives for seconds: V8's optimizing compilers would take a seventh of the processor time of all pages.
  "--js-flags=--no-opt --no-maglev",
];

/** How many times slower the pages run, to find tests that act before the page shows what they act on: `SLOW_PAGES=8`. */
const SLOWDOWN = Number(process.env.SLOW_PAGES ?? 1);

type Looks = Pick<BrowserContextOptions, "viewport" | "colorScheme" | "reducedMotion" | "forcedColors">;
/** Without motion: where no graphics card draws, the pulse of what is loading costs more than the page itself. */
const LOOKS = {
  viewport: { width: 1280, height: 900 },
  colorScheme: "light",
  reducedMotion: "reduce",
  forcedColors: "none",
} as const satisfies Looks;

let launched: Browser | undefined;
/** The browser of all files that this process runs; it ends with the process. */
export async function launch(): Promise<Browser> {
  if (!launched?.isConnected()) launched = await chromium.launch({ executablePath: CHROMIUM as string, args: ARGS });
  return launched;
}
/** Ends all that a file has left in the browser. */
export async function leave(browser: Browser): Promise<void> {
  idle.delete(browser);
  await Promise.all(browser.contexts().map((context) => context.close()));
}

export interface Opened {
  readonly page: Page;
  /** Paths of the API that the page has asked for, in order. */
  readonly asked: string[];
  /** Whether the page was another test's before: it is then beside the console, and its storages are empty. */
  readonly isUsed: boolean;
  /** Ends the test's use of the page, and fails if something happened on it that never should. */
  close(): Promise<void>;
}

interface OpenOptions extends BrowserContextOptions {
  /** Messages of the browser's console that this test provokes. */
  readonly expected?: RegExp;
  /** For a test that changes its page for good (a clock, a script, the network), or measures what a first visit loads. */
  readonly isOwn?: boolean;
}

/** Pages that no test uses, by what cannot be changed of them. A new one costs five times as much as a reload. */
const idle = new WeakMap<Browser, Map<string, Page[]>>();

async function newPage(browser: Browser, options: BrowserContextOptions): Promise<Page> {
  const context = await browser.newContext({ ...LOOKS, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(30_000); // below that of a test, so that a failure names what it waited for
  if (SLOWDOWN > 1) {
    const devtools = await context.newCDPSession(page);
    await devtools.send("Emulation.setCPUThrottlingRate", { rate: SLOWDOWN });
  }
  await page.addInitScript(`addEventListener("securitypolicyviolation", (event) => {
    console.error("securitypolicyviolation: " + event.violatedDirective + " " + event.blockedURI);
  })`);
  return page;
}

/** Gives a page the looks that a test asks for, before the console is there. */
async function dress(page: Page, { viewport, ...media }: Looks): Promise<void> {
  await page.setViewportSize(viewport ?? LOOKS.viewport);
  await page.emulateMedia(media);
}

/** Takes from a page what its test has left there. */
async function clean(page: Page, origin: string): Promise<void> {
  await page.removeAllListeners(undefined, { behavior: "ignoreErrors" });
  page.on("dialog", (dialog) => void dialog.accept().catch(() => {})); // the page may ask before it is left
  await page.unrouteAll({ behavior: "ignoreErrors" });
  for (const other of page.context().pages()) if (other !== page) await other.close();
  await page.goto(`${origin}/console/theme.js`); // of the console's origin, and without its code
  await page.evaluate("localStorage.clear(); sessionStorage.clear()");
  await page.context().clearPermissions();
  page.removeAllListeners("dialog");
}

/** A page in a browser profile of its own. */
export async function open(
  browser: Browser,
  origin: string,
  { expected, isOwn = false, ...options }: OpenOptions = {},
): Promise<Opened> {
  const { viewport, colorScheme, reducedMotion, forcedColors, permissions = [], ...fixed } = { ...LOOKS, ...options };
  const kept = idle.get(browser) ?? new Map<string, Page[]>();
  idle.set(browser, kept);
  const profile = JSON.stringify([origin, fixed]);
  const used = isOwn ? undefined : kept.get(profile)?.pop();
  const page = used ?? (await newPage(browser, isOwn ? options : fixed));
  if (!isOwn) {
    await dress(page, { viewport, colorScheme, reducedMotion, forcedColors });
    if (permissions.length > 0) await page.context().grantPermissions(permissions);
  }
  const wrong: string[] = [];
  const asked: string[] = [];
  page.on("console", (message) => {
    if (message.type() === "error" && !expected?.test(message.text())) wrong.push(message.text());
  });
  page.on("pageerror", (error) => {
    if (!expected?.test(error.message)) wrong.push(error.stack ?? error.message);
  });
  page.on("request", (request) => {
    const url = new URL(request.url());
    if (url.origin !== origin && url.protocol !== "blob:" && url.protocol !== "data:") wrong.push(`request to ${url}`);
    if (url.pathname.startsWith("/v1/")) asked.push(url.pathname + url.search);
  });
  return {
    page,
    asked,
    isUsed: used !== undefined,
    async close() {
      const cookies = await page.context().cookies();
      if (isOwn) await page.context().close();
      else {
        await clean(page, origin);
        kept.set(profile, [...(kept.get(profile) ?? []), page]);
      }
      expect(wrong).toEqual([]);
      expect(cookies).toEqual([]);
    },
  };
}

/** Replaces the text of a code editor as a person does: `fill` would replace those lines alone that are in sight. */
export async function write(page: Page, label: string, text: string): Promise<void> {
  await page.getByLabel(label).press("Control+a");
  await page.keyboard.insertText(text);
}
