/** Makes the pictures of `docs/console.md` from a run of the demo: `node packaging/pictures.ts`. Needs Chromium. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const FOLDER = `${ROOT}docs/pictures`;
const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";

const demo = spawn(process.execPath, [`${ROOT}examples/invoices/demo.ts`, "--open-console"], { cwd: ROOT });
const found = Promise.withResolvers<RegExpExecArray>();
let output = "";
demo.stdout.setEncoding("utf8").on("data", (text: string) => {
  output += text;
  const address = /(http:\/\/\S+\/console\/)#(key=\w+)/.exec(output);
  if (address) found.resolve(address);
});
demo.once("exit", () => found.reject(new Error(`the demo has ended:\n${output}`)));
const [, url, key] = await found.promise;

mkdirSync(FOLDER, { recursive: true });
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu"] });
try {
  const page = await browser.newPage({ viewport: { width: 1160, height: 720 }, deviceScaleFactor: 1 });
  const picture = (name: string) => page.screenshot({ path: `${FOLDER}/${name}.jpg`, type: "jpeg", quality: 70 });
  await page.goto(`${url}#${key}`);
  await page.getByText("Latest executions").waitFor();
  await page.getByTestId("live").getByText("live").waitFor();
  await picture("overview");
  await page.goto(`${url}#/executions?status=["FAILED"]`);
  await page.locator("[data-execution] a").first().click();
  await page.getByTestId("why-summary").waitFor();
  await page.locator('[data-outcome="failed"]').first().click();
  await page.getByTestId("failure").first().waitFor();
  await picture("execution");
  await page.goto(`${url}#/schedules?view=new`);
  await page.getByLabel("Cron line 1").waitFor(); // below it stands the schedule's own time zone
  await page.getByLabel("Time zone", { exact: true }).last().fill("Europe/Berlin");
  await page.locator("[data-time]").first().waitFor();
  await picture("schedule");
} finally {
  await browser.close();
  demo.kill("SIGINT");
  await once(demo, "exit");
}
