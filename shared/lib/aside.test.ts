import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { DetailItem } from "../protocol/detail.ts";
import type { AsideCheck } from "../routing/schema-check.ts";
import { Aside } from "./aside.ts";

const MODULE = new URL("../routing/schema-thread.ts", import.meta.url);

test("a call that cannot reach the thread fails, and the next one is answered", async () => {
  const aside = new Aside<AsideCheck | symbol, DetailItem[]>(MODULE);
  await expect(aside.run(Symbol("cannot be copied"), 30_000)).rejects.toThrow(/could not be cloned/);
  expect(await aside.run({ schema: "{}", input: "1" }, 30_000)).toEqual({ value: [] });
});

test("work that nobody waits for does not keep the process from its end", () => {
  const definitions = Array.from({ length: 30 }, (_, i) => [
    `d${i}`,
    { allOf: Array(2).fill({ $ref: `#/$defs/d${i + 1}` }) },
  ]);
  const endless = JSON.stringify({ $ref: "#/$defs/d0", $defs: { ...Object.fromEntries(definitions), d30: {} } });
  const code = `
    import { Aside } from ${JSON.stringify(new URL("aside.ts", import.meta.url).href)};
    const aside = new Aside(new URL(${JSON.stringify(MODULE.href)}));
    const check = { schema: ${JSON.stringify(endless)}, input: "1" };
    for (let i = 0; i < 3; i++) void aside.run(check, 60_000).then(console.log);
    setTimeout(() => console.log("stopped"), 300);`;
  const folder = mkdtempSync(join(tmpdir(), "sirocco-aside-"));
  const file = join(folder, "main.mjs");
  writeFileSync(file, code);
  const ended = spawnSync(process.execPath, [file], { encoding: "utf8", timeout: 10_000 });
  rmSync(folder, { recursive: true });
  expect(ended).toMatchObject({ status: 0, stdout: "stopped\n" });
});
