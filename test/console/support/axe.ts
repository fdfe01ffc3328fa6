/** What axe finds on a page as it is now. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Page } from "playwright-core";
import { expect } from "vitest";
import { tooFaintOn } from "./contrast.ts";

export const loadAxe = (page: Page): Promise<void> =>
  page.evaluate(readFileSync(fileURLToPath(import.meta.resolve("axe-core/axe.min.js")), "utf8"));

/**
 * `run`: which rules, as axe takes them. Of a page with an open dialog the dialog: what lies behind it nobody can reach. Without
 * `preload` axe reads no style sheets: they are the same for all pages, and one rule asks for them.
 */
export const violationsOn = (page: Page, run: object): Promise<unknown[]> =>
  page.evaluate<unknown[]>(`axe
    .run(document.querySelector("dialog[open]") ?? document, { resultTypes: ["violations"], preload: false, ...${JSON.stringify(run)} })
    .then(({ violations }) =>
      violations.map(({ id, nodes }) => ({ id, parts: nodes.map(({ html }) => html.slice(0, 200)) })))`);

export const RULES = {
  runOnly: { type: "tag", values: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"] },
};

/** The rule that reads the style sheets. */
export const SHEETS = { runOnly: { type: "rule", values: ["css-orientation-lock"] }, preload: true };

/** Lets the system ask for a theme, and waits until the page has it: its script hears of it a moment later. */
export async function showIn(page: Page, colorScheme: "light" | "dark"): Promise<void> {
  await page.emulateMedia({ colorScheme });
  await expect.poll(() => page.evaluate("document.documentElement.dataset.theme")).toBe(colorScheme);
}

/**
 * Checks the page as it is then: every rule in light, and in dark the contrast of texts, which alone differs between themes. The
 * page is a light one.
 */
export async function axeOn(page: Page): Promise<(what: string) => Promise<void>> {
  await loadAxe(page);
  return async (what) => {
    expect.soft(await violationsOn(page, RULES), `${what}, light`).toEqual([]);
    await showIn(page, "dark");
    expect.soft(await tooFaintOn(page), `${what}, dark`).toEqual([]);
    await showIn(page, "light");
  };
}
