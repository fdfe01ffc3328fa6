/** Forms made from schemas, and the JSON editor: section E of what the console promises. */
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { casesOf } from "../../examples/invoices/demo/cases.ts";
import { processInvoice } from "../../examples/invoices/workflow.ts";
import { CHROMIUM, write } from "./support/browser.ts";
import { ConsoleWorld } from "./support/console.ts";
import { SCHEMAS } from "./support/schemas.ts";
import { activities, workflows } from "./support/workflows.ts";

const inputOf = (page: Page) => page.getByLabel("Input as JSON");
const form = (page: Page, view: "Form" | "JSON") => page.getByRole("button", { name: view, exact: true }).click();

/** The text of the editor, or of the plain field before it is loaded. */
const textOf = async (page: Page): Promise<string> => {
  await page.getByTestId("code-editor").waitFor();
  return inputOf(page).innerText();
};

/** As the page's own scripts see it. */
interface Field {
  readonly id: string;
  readonly value: string;
  readonly labels: readonly { readonly textContent: string }[];
}

/** What every control of the form shows, in order. */
const shown = (page: Page): Promise<string[]> =>
  page.evaluate<
    string[]
  >(`[...document.querySelectorAll("main input, main textarea, main select, main legend")].map((one) =>
    [one.closest("div,label")?.querySelector("label")?.textContent ?? one.textContent, one.type, one.checked, one.value].join("|"))`);

describe.skipIf(!CHROMIUM)("forms of the console", () => {
  let w: ConsoleWorld;
  let page: Page;
  let close: () => Promise<void>;
  beforeAll(async () => {
    w = await ConsoleWorld.start();
    await w.worker({ workflows, activities });
    await w.serve(
      "forms",
      SCHEMAS.map(({ name, schema }) => ({ name, input_schema: schema })),
    );
    ({ page, close } = await w.open("/", { expected: /422/ }));
  });
  afterAll(async () => {
    await close?.();
    await w?.close();
  });

  const openStart = async (workflow: string, input: unknown) => {
    const search = `workflow=${workflow}&input=${encodeURIComponent(JSON.stringify(input))}`;
    await page.goto(`${w.url}/console/#/start?${search}`);
    await expect.poll(() => page.getByLabel("Workflow", { exact: true }).inputValue()).toBe(workflow);
  };

  /** The page shows the value, and a problem with it if the server refuses it. */
  const judged = async (name: string, value: unknown, status: 200 | 422) => {
    const what = `${name}: ${JSON.stringify(value)}`;
    const problems = page.getByRole("list", { name: "Problems" });
    await expect
      .poll(() => page.getByTestId("call-curl").textContent(), { message: what })
      .toContain(shellOf({ input: value }));
    await expect.poll(() => problems.count(), { message: what }).toBe(status === 422 ? 1 : 0);
    const answer = await w.ask("POST", `/v1/workflows/${name}/execute`, { input: value });
    expect(answer.status, what).toBe(status);
  };

  const goRound = async (name: string, fits: readonly unknown[]) => {
    for (const value of fits) {
      await openStart(name, value);
      await page.getByRole("button", { name: "Form", exact: true, pressed: true }).waitFor();
      await expect.poll(() => page.getByTestId("call-curl").textContent()).toContain(shellOf({ input: value }));
      const before = await shown(page);
      await form(page, "JSON");
      await expect.poll(async () => JSON.parse(await textOf(page))).toEqual(value);
      await form(page, "Form");
      await expect.poll(() => shown(page)).toEqual(before);
      // Whatever is written again as it stands changes nothing.
      const fields = await page.locator("main form input[type=text], main form textarea").evaluateAll((all) =>
        (all as unknown as Field[]).map(({ id, value: text, labels }) => ({
          id,
          text,
          label: labels[0]?.textContent,
        })),
      );
      for (const { id, text, label } of fields)
        if (!/New key|Execution id/.test(label ?? "")) await page.locator(`[id=${JSON.stringify(id)}]`).fill(text);
      await judged(name, value, 200);
    }
  };

  test.each(
    SCHEMAS.filter(({ unsupported }) => !unsupported),
  )("24: from form to JSON and back, $name shows and keeps the same value, which the server takes", ({ name, fits }) =>
    goRound(name, fits));

  test("24: the workflow of the demo has a form, which goes to JSON and back", async () => {
    await w.worker({ workflows: [processInvoice], activities: [], deployment: "invoices" });
    await page.reload(); // it is listed now
    const files = casesOf("").map(({ file }) => file);
    await goRound(
      processInvoice.name,
      files.slice(0, 2).map((file) => ({ file })),
    );
    await openStart(processInvoice.name, { file: 7 });
    await page.getByRole("list", { name: "Problems" }).waitFor();
  });

  test("24: what the form refuses the server refuses with 422, and the other way round", async () => {
    for (const { name, fits, refused, unsupported } of SCHEMAS) {
      for (const [value, status] of [
        // All that fits a form was judged on its round.
        ...(unsupported ? fits : []).map((one) => [one, 200] as const),
        ...refused.map((one) => [one, 422] as const),
      ]) {
        await openStart(name, value);
        await judged(name, value, status);
      }
    }
  }, 120_000);

  test.each(SCHEMAS.filter(({ unsupported }) => unsupported))("25: $name is written as JSON, with the reason", async ({
    name,
    fits,
    unsupported,
  }) => {
    await openStart(name, fits.at(-1));
    await page.getByText(unsupported as RegExp).waitFor();
    await expect.poll(async () => JSON.parse(await textOf(page))).toEqual(fits.at(-1));
    await expect.poll(() => page.getByRole("button", { name: "Form", exact: true }).count()).toBe(0);
  });

  test("25: leaving with changes asks, and staying keeps what was typed", async () => {
    await page.goto(`${w.url}/console/#/start?workflow=text`);
    await page.getByLabel("value").fill("half a thought");
    await page.getByRole("link", { name: "Jobs" }).click();
    await page.getByRole("dialog", { name: "Leave the page?" }).getByRole("button", { name: "Stay" }).click();
    expect(await page.getByLabel("value").inputValue()).toBe("half a thought");
    await page.getByLabel("Workflow", { exact: true }).selectOption("integer"); // another workflow has another input
    await page.getByRole("dialog").getByRole("button", { name: "Leave and lose it" }).click();
    await expect.poll(() => page.url()).toContain("workflow=integer");
    await page.getByRole("link", { name: "Jobs" }).click(); // nothing is typed
    await page.getByRole("heading", { name: "Jobs" }).waitFor();

    await page.goto(`${w.url}/console/#/schedules?view=new`);
    await page.getByLabel("Cron line 1").fill("0 4 * * *");
    await page.getByRole("link", { name: "Jobs" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Leave and lose it" }).click();
    await page.getByRole("heading", { name: "Jobs" }).waitFor();
  });

  test("24: a text that is no number is refused where it stands, and removing an item keeps the others", async () => {
    await openStart("nested-arrays", { value: [[1, 2, 3]] });
    const third = page.getByLabel("value 1 3", { exact: true });
    await third.fill("4.50");
    await page.getByRole("button", { name: "Remove value 1 1", exact: true }).click();
    await expect.poll(() => page.getByLabel("value 1 2", { exact: true }).inputValue()).toBe("4.50");
    await expect.poll(() => page.getByTestId("call-curl").textContent()).toContain('{"value":[[2,4.5]]}');
    await page.getByLabel("value 1 2", { exact: true }).fill("four");
    await page.getByText("a number is wanted").waitFor();
    await page.getByRole("list", { name: "Problems" }).waitFor();
    await page.goto(`${w.url}/console/#/jobs`);
    await page.getByRole("dialog").getByRole("button", { name: "Leave and lose it" }).click();
    await page.getByRole("heading", { name: "Jobs" }).waitFor();
  });

  test("the JSON editor has line numbers, folds, searches, and names the place of a mistake; Tab leaves it", async () => {
    await openStart("anything", { a: { b: [1, 2] }, c: "x" });
    const editor = page.getByTestId("code-editor");
    await editor.waitFor();
    await expect.poll(() => editor.locator(".cm-lineNumbers .cm-gutterElement").count()).toBeGreaterThan(1);
    await write(page, "Input as JSON", '{\n  "a": {\n    "b": 1\n  },\n  "c": tru\n}');
    await page.getByText(/^This is not JSON: .*, at line 5, column 8$/).waitFor();
    await editor.locator(".cm-lint-marker-error").waitFor();
    await editor.locator(".cm-lintRange-error").waitFor();
    await write(page, "Input as JSON", '{\n  "a": {\n    "b": 3544790567247868102\n  },\n  "c": true\n}');
    await expect.poll(() => editor.locator(".cm-lint-marker-warning").count()).toBe(1); // the server cannot keep the number
    await editor.getByTitle("Fold line").last().click();
    await editor.locator(".cm-foldPlaceholder").waitFor();
    expect(await inputOf(page).innerText()).not.toContain("354479");
    await inputOf(page).press("Control+f");
    await editor.getByRole("textbox", { name: "Find" }).pressSequentially("true");
    await editor.locator(".cm-searchMatch").waitFor();
    await page.keyboard.press("Escape");
    await inputOf(page).focus();
    await page.keyboard.type("gj?"); // no shortcut of the page acts in the editor
    expect(page.url()).toContain("/start");
    await page.keyboard.press("Tab");
    await expect.poll(() => page.evaluate("document.activeElement.tagName")).toMatch(/^(SUMMARY|BUTTON)$/);
    await page.goto(`${w.url}/console/#/jobs`);
    await page.getByRole("dialog").getByRole("button", { name: "Leave and lose it" }).click();
  });
});

/** The body as it stands in single quotes of a shell. */
const shellOf = (body: unknown): string => JSON.stringify(body).slice(1, -1).replaceAll("'", "'\\''");
