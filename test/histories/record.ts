/**
 * `node test/histories/record.ts` records the scenarios that have no history yet. It never writes an existing history
 * again: that history stands for the executions of its time.
 */
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { scenarios } from "./scenarios.ts";

const folder = new URL("./recorded/", import.meta.url);
const root = fileURLToPath(new URL("../../", import.meta.url));

mkdirSync(folder, { recursive: true });
for (const [name, record] of Object.entries(scenarios)) {
  const file = new URL(`${name}.json`, folder);
  if (existsSync(file)) {
    console.log(`${name}: exists, not recorded again`);
    continue;
  }
  const history = await record();
  const text = JSON.stringify(history, null, 1).replaceAll(root, "/sirocco/"); // stacks hold paths of this machine
  writeFileSync(file, `${text}\n`);
  console.log(`${name}: ${history.events.length} events`);
}
