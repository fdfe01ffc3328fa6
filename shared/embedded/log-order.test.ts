import { statSync } from "node:fs";
import { expect, test } from "vitest";
import { temporaryDatabase } from "../../test/contract/embedded-subject.ts";
import { batchOf, headOf, newRef, scheduled } from "../../test/contract/subject.ts";
import { embedded } from "../server/embedded.ts";
import { FRAME_HEADER, HEADER } from "./wal-format.ts";

const FRAME = FRAME_HEADER + 4_096;
const RUNS = 40;
const STEPS = 20;

function made() {
  const { file, remove } = temporaryDatabase();
  const store = embedded({ file });
  const { database } = store;
  return {
    store,
    /** The pages that the commits of `work` write. */
    async pagesOf(work: () => Promise<unknown>): Promise<number> {
      await database.durable();
      database.one("PRAGMA wal_checkpoint(TRUNCATE)");
      await work();
      await database.durable();
      return (statSync(`${file}-wal`).size - HEADER) / FRAME;
    },
    end() {
      store.close();
      remove();
    },
  };
}

test("LOGORDER-1: appends of many runs in one commit share their pages", async () => {
  const { store, pagesOf, end } = made();
  const heads = Array.from({ length: RUNS }, () => headOf(newRef(), 1));
  for (const head of heads) await store.executions.create(head, []);
  const step = (first: number) => () =>
    Promise.all(
      heads.map((head) => store.executions.putBatch(head, head.run, batchOf(first, 1, [scheduled(first)]), 1_000_000)),
    );
  for (let first = 2; first < STEPS; first++) await step(first)();
  expect(await pagesOf(step(STEPS))).toBeLessThan(1.5 * RUNS);
  end();
});

test("LOGORDER-1: batches of more than 1,002 bytes share pages", async () => {
  const { store, pagesOf, end } = made();
  const head = headOf(newRef(), 1);
  await store.executions.create(head, []);
  const batch = (first: number) => batchOf(first, 1, [scheduled(first, "x".repeat(900))]);
  const pages = await pagesOf(async () => {
    for (let first = 2; first < 2 + RUNS; first++)
      await store.executions.putBatch(head, head.run, batch(first), 1_000_000);
  });
  expect(pages).toBeLessThan(0.75 * RUNS);
  end();
});
