/** Encrypted, compressed and offloaded payloads in the console: point 23 of what it promises. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import * as z from "zod";
import { EncryptedText, encodingFetch, encryptedText, folderStore } from "../../sdk/encoding/index.ts";
import { waitForInput, workflow } from "../../sdk/index.ts";
import { CHROMIUM } from "./support/browser.ts";
import { ConsoleWorld } from "./support/console.ts";
import { echo, echoes } from "./support/workflows.ts";

const KEY = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
const WRONG = "ff".repeat(32);
const FULL = { encryption: { mode: "full", key: KEY } } as const;

const login = workflow(
  { name: "login", input: z.object({ user: z.string(), token: EncryptedText }) },
  async ({ user, token }) => ({ user, next: encryptedText(`${token.data}-2`) }),
);
const asked = workflow({ name: "asked", interactive: true }, async () =>
  waitForInput(z.object({ word: z.string() }), { label: "What is the word?" }),
);

describe.skipIf(!CHROMIUM)("encoded payloads in the console", () => {
  const folder = mkdtempSync(join(tmpdir(), "payloads-"));
  let w: ConsoleWorld;
  beforeAll(async () => {
    w = await ConsoleWorld.start();
    const of = (deployment: string, encoding: object) =>
      w.worker({ workflows: [echoes, login, asked], activities: [echo], deployment, encoding });
    await of("full", FULL);
    await of("partial", { encryption: { mode: "partial", key: KEY } });
    await of("small", { ...FULL, compression: { minBytes: 100 } });
    await of("stored", { ...FULL, offload: { store: folderStore(folder), minBytes: 100 } });
  });
  afterAll(async () => {
    await w?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const start = async (deployment: string, name: string, input: unknown, encoding: object = FULL): Promise<string> => {
    const answer = await encodingFetch(encoding)(`${w.url}/v1/workflows/${name}/execute`, {
      method: "POST",
      headers: { authorization: `Bearer ${w.key}`, "content-type": "application/json" },
      body: JSON.stringify({ input, deployment_name: deployment }),
    });
    const { execution_id: id } = (await answer.json()) as { execution_id: string };
    if (name !== "asked")
      await expect
        .poll(async () => (await w.ask("GET", `/v1/workflows/executions/${id}`)).body.status)
        .toBe("COMPLETED");
    return id;
  };
  const give = async (page: Page, key: string, o: { keep?: boolean } = {}) => {
    await page.getByRole("dialog").getByLabel("Key of the payloads").fill(key);
    if (o.keep) await page.getByRole("dialog").getByLabel("Keep it").check();
    await page.getByRole("dialog").getByRole("button", { name: "Decrypt", exact: true }).click();
  };
  const input = (page: Page) => page.getByRole("figure", { name: "Input" });
  const lock = (page: Page) => page.getByText(/encrypted · \d+ B/).first();
  const unlock = (page: Page) => page.getByRole("button", { name: "Decrypt here" }).first().click();

  test("23: a lock, opened by the right key alone, closed again after a reload unless the key is kept", async () => {
    const id = await start("full", "echoes", { secret: "swordfish", digits: 7 });
    const { page, close } = await w.open(`/executions/${id}?tab=values`);
    const sent: string[] = [];
    page.on("request", (request) => sent.push(`${request.url()} ${request.postData() ?? ""}`));
    await lock(page).waitFor();
    expect(await page.content()).not.toContain("swordfish");

    await unlock(page);
    await give(page, "beef");
    await page.getByText("this text has 4 characters").waitFor();
    await give(page, WRONG);
    await page.getByText("the key does not open it").waitFor();
    expect(await input(page).count()).toBe(0);
    await give(page, KEY);
    await input(page).getByText('"secret": "swordfish"').waitFor();
    await page.getByRole("figure", { name: "Result" }).getByText("Decoded in this browser").waitFor();

    await page.reload();
    await lock(page).waitFor();
    await unlock(page);
    await give(page, KEY, { keep: true });
    await input(page).getByText("swordfish").waitFor();
    await page.reload();
    await input(page).getByText("swordfish").waitFor();

    await page.getByRole("tab", { name: /History/ }).click();
    await page.locator('[data-event="2"]').click();
    await page.getByText("As recorded").click();
    await page.getByRole("figure", { name: "Event 2", exact: true }).getByText("swordfish").waitFor();
    await page.getByRole("link", { name: "Settings" }).click();
    await page.getByText("This page has 1 key").waitFor();
    await page.getByRole("button", { name: "Forget all" }).click();
    await page.goto(`${w.url}/console/#/executions/${id}?tab=values`);
    await lock(page).waitFor();
    // Neither the key nor what was sealed or opened goes out again, not even to the own server.
    const { body } = await w.ask("GET", `/v1/workflows/executions/${id}`);
    const cipher = (body.result as { b64payload: string }).b64payload;
    for (const word of [KEY, "swordfish", cipher, encodeURIComponent(cipher)])
      expect(sent.filter((request) => request.includes(word))).toEqual([]);
    await close();
  });

  test("23: of a payload with encrypted texts all else can be read without a key", async () => {
    const partial = { encryption: { mode: "partial", key: KEY } };
    const id = await start("partial", "login", { user: "ada", token: encryptedText("t0ken") }, partial);
    const { page, close } = await w.open(`/executions/${id}?tab=values`);
    await input(page).getByText('"user": "ada"').waitFor();
    await input(page).getByText("🔒 encrypted").waitFor();
    await unlock(page);
    await give(page, KEY);
    await page.getByRole("figure", { name: "Result" }).getByText('"data": "t0ken-2"').waitFor();
    await close();
  });

  test("23: compressed payloads are shown, and of offloaded ones where they lie", async () => {
    const text = "again and ".repeat(2_000);
    const small = await start("small", "echoes", { text }, { ...FULL, compression: { minBytes: 100 } });
    const store = { store: folderStore(folder), minBytes: 100 };
    const stored = await start("stored", "echoes", { text }, { ...FULL, offload: store });
    const { page, close } = await w.open(`/executions/${small}?tab=values`);
    await page
      .getByText(/compressed, encrypted · \d+ B/)
      .first()
      .waitFor();
    await unlock(page);
    await give(page, KEY);
    await input(page).getByText("again and again and").waitFor();
    await page.goto(`${w.url}/console/#/executions/${stored}?tab=values`);
    await page
      .getByText(/lies in the store of your workers, as temporal-payload\//)
      .first()
      .waitFor();
    await close();
  });

  test("23: an encrypted input is started again as it is; an encrypted question is asked once there is a key", async () => {
    const id = await start("full", "echoes", { secret: "swordfish" });
    const { page, close } = await w.open(`/executions/${id}`);
    await page.getByRole("button", { name: "Start like this" }).click();
    await page.getByText("It is sent as it is.").waitFor();
    await page.getByRole("main").getByRole("button", { name: "Start" }).click();
    await page.waitForURL(/#\/executions\/(?!start)/);
    const again = decodeURIComponent(/executions\/([^?]+)/.exec(page.url())?.[1] ?? "");
    expect(again).not.toBe(id);
    await expect
      .poll(async () => (await w.ask("GET", `/v1/workflows/executions/${again}`)).body.status)
      .toBe("COMPLETED");

    const question = await start("full", "asked", {});
    await page.goto(`${w.url}/console/#/settings`);
    await page.getByRole("button", { name: "Add a key" }).click();
    await give(page, KEY);
    await page.goto(`${w.url}/console/#/executions/${question}`);
    await page.getByRole("button", { name: "Answer" }).first().click();
    await page.getByRole("dialog", { name: "What is the word?" }).getByLabel("word").fill("sesame");
    await page.getByRole("dialog").getByRole("button", { name: "Answer" }).click();
    await expect
      .poll(async () => (await w.ask("GET", `/v1/workflows/executions/${question}`)).body.status)
      .toBe("COMPLETED");
    await close();
  });
});
