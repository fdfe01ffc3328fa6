/**
 * Power cuts. The server runs over files whose unsynced writes are lost: `lost-pages.c` keeps beside each file what a disk would
 * hold. After the cut any of the writes that were not synced may have reached the disk, in any order: of each sector that differs,
 * the old or the new content is taken, by a seed. All that a caller was told, by an answer to a write or to a read, must be there.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { DEFAULT_WORKSPACE } from "../../shared/api/index.ts";
import { embedded } from "../../shared/server/embedded.ts";
import { describeUnless } from "../support/describe-unless.ts";
import { Installation, type Process } from "./installation.ts";

const SECTOR = 512;
const CALLERS = 12;
/** A checkpoint comes after some 4,000 pages; so the cuts fall before the first, and after several. */
const CUTS = [40, 200, 500, 900];

function cannotRun(): string | undefined {
  if (process.platform !== "linux") return "LD_PRELOAD is Linux's";
  try {
    execFileSync("cc", ["--version"], { stdio: "ignore" });
    return undefined;
  } catch {
    return "no C compiler (cc)";
  }
}

/** What the callers were told: executions that have started, and the most events that a history showed. */
interface Told {
  readonly started: string[];
  readonly events: Map<string, number>;
}

/** Callers start executions and read their histories until the server is killed, after `cut` answers to starts. */
async function load(on: Installation, { child, ended }: Process, cut: number): Promise<Told> {
  const told: Told = { started: [], events: new Map() };
  let over = false;
  void ended.then(() => {
    over = true;
  });
  await Promise.all(
    Array.from({ length: CALLERS }, async (_, caller) => {
      for (let n = 0; !over; n++) {
        const executionId = `x-${caller}-${n}`;
        try {
          await on.client.workflows.executeWorkflow({
            workflowIdentifier: "walk",
            workflowExecutionRequest: { executionId, input: { steps: 2, ms: 0 } },
          });
          told.started.push(executionId);
          if (told.started.length >= cut) child.kill("SIGKILL");
          const read = await on.client.workflows.executions.getWorkflowExecutionHistory({ executionId });
          told.events.set(executionId, (read as { events: unknown[] }).events.length);
        } catch (error) {
          if (!over && !child.killed) throw error;
          return; // it was cut off: nothing was told
        }
      }
    }),
  );
  await ended;
  return told;
}

/** The files as the disk has them. `random`: below 1. */
function cutPower(file: string, random: () => number): void {
  for (const path of [file, `${file}-wal`]) {
    if (!existsSync(path)) continue;
    const written = readFileSync(path);
    const disk = existsSync(`${path}.disk`) ? readFileSync(`${path}.disk`) : Buffer.alloc(0);
    const left = Buffer.alloc(Math.max(written.length, disk.length));
    disk.copy(left);
    for (let at = 0; at < written.length; at += SECTOR) {
      const sector = written.subarray(at, at + SECTOR);
      if (!sector.equals(left.subarray(at, at + sector.length)) && random() < 0.5) sector.copy(left, at);
    }
    writeFileSync(path, left);
    rmSync(`${path}.disk`, { force: true });
  }
}

/** How often the log was begun anew, each time after a checkpoint. */
const roundOf = (log: string): number => readFileSync(log).readUInt32BE(12);

function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** What was told and is not there. */
async function missing(file: string, told: Told): Promise<string[]> {
  const store = embedded({ file });
  try {
    expect(store.database.all("PRAGMA integrity_check")).toEqual([{ integrity_check: "ok" }]);
    expect(store.database.damage).toBeNull();
    const lost: string[] = [];
    for (const execution of told.started) {
      const head = await store.executions.head({ workspace: DEFAULT_WORKSPACE, execution });
      const batches = head ? await store.executions.batches(head, head.run, 0) : [];
      const events = batches.reduce((n, batch) => n + batch.events.length, 0);
      const seen = told.events.get(execution) ?? 1;
      if (events < seen) lost.push(`${execution}: ${events} of ${seen} events`);
    }
    return lost;
  } finally {
    store.close();
  }
}

describeUnless(cannotRun())("after a power cut", () => {
  let folder: string;
  let library: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "sirocco-lost-pages-"));
    library = join(folder, "lost-pages.so");
    const source = fileURLToPath(new URL("./lost-pages.c", import.meta.url));
    execFileSync("cc", ["-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o", library, source, "-ldl", "-lpthread"]);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test.each(CUTS)("all is there that a caller was told, after %s starts", async (cut) => {
    using on = new Installation();
    const server = await on.server({ env: { LD_PRELOAD: library } });
    await on.worker("one");
    const told = await load(on, server, cut);
    expect(told.started.length).toBeGreaterThanOrEqual(cut);
    if (cut === CUTS.at(-1)) expect(roundOf(`${on.file}-wal`)).toBeGreaterThanOrEqual(2);
    cutPower(on.file, seeded(cut));
    expect(await missing(on.file, told)).toEqual([]);
  }, 120_000);

  test("a disk that lies about its syncs is noticed: starts that were answered are gone", async () => {
    using on = new Installation();
    const server = await on.server({ env: { LD_PRELOAD: library, LOST_PAGES_LIE: "1" } });
    await on.worker("one");
    const told = await load(on, server, 40);
    cutPower(on.file, () => 1);
    const lost = await missing(on.file, told).catch((error: Error) => [error.message]);
    expect(lost).not.toEqual([]);
  }, 120_000);
});
