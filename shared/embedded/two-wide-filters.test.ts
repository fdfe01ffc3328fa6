/** A list by two search keys, each of which very many runs have: it ends, in steps that are small and bounded in number. */
import { expect, test } from "vitest";
import { ManualClock } from "../../test/contract/manual-clock.ts";
import type { RunsQuery } from "../ports.ts";
import { embedded } from "../server/embedded.ts";

const RUNS = 30_000;
const BOTH = 3;

/** Half of the runs have the one key, half the other, and the oldest few both. */
function filled() {
  const store = embedded({ clock: new ManualClock() });
  const { database: db } = store;
  const numbers = `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${RUNS})`;
  db.run(`INSERT INTO runs (run, ws, execution, root, workflow, deployment, status, started_at, closed_at, ends_at, chain, root_chain,
      first_run, attempt, first_seq, last_seq, search_keys, body)
    ${numbers} SELECT 'r' || i, 'w', 'x' || i, 'x' || i, 'orders', 'shop', 'COMPLETED', i, i, i, 'c', 'c', 'r' || i, 1, i, i,
      CASE WHEN i <= ${BOTH} THEN '{"a":"1","b":"1"}' WHEN i % 2 = 0 THEN '{"a":"1"}' ELSE '{"b":"1"}' END, '{}' FROM n`);
  for (const [key, where] of [
    ["a", `i <= ${BOTH} OR i % 2 = 0`],
    ["b", `i <= ${BOTH} OR i % 2 = 1`],
  ])
    db.run(`INSERT INTO search_keys (ws, key, value, started_at, run) ${numbers}
      SELECT 'w', '${key}', '1', i, 'r' || i FROM n WHERE ${where}`);
  return store;
}

const query = (over: Partial<RunsQuery> = {}): RunsQuery => ({
  workspace: "w",
  sortBy: "start_time",
  order: "desc",
  limit: 50,
  searchKeys: ["a", "b"].map((key) => ({ key, value: "1", prefix: false })),
  ...over,
});

/** The rows of each statement that `work` runs. */
async function countRows(store: ReturnType<typeof filled>, work: () => Promise<unknown>): Promise<number[]> {
  const { database } = store;
  const counts: number[] = [];
  const real = database.all.bind(database);
  Object.assign(database, {
    all: (...of: Parameters<typeof real>) => {
      const rows = real(...of);
      counts.push(rows.length);
      return rows;
    },
  });
  await work();
  delete (database as unknown as Record<string, unknown>).all;
  return counts;
}

test("it finds the few that have both, and looks at each entry of one key once", async () => {
  const store = filled();
  const found: string[] = [];
  const counts = await countRows(store, async () => {
    const page = await store.executions.runs(query());
    found.push(...page.runs.map(({ execution }) => execution));
    expect(page.next).toBeNull();
  });
  expect(found).toEqual(["x3", "x2", "x1"]);
  expect(Math.max(...counts)).toBeLessThanOrEqual(200);
  expect(counts.length).toBeLessThanOrEqual(RUNS / 2 / 200 + 3);
  store.close();
});

test("others are served between its steps, and it ends when its caller has gone", async () => {
  const store = filled();
  const gone = new AbortController();
  let turns = 0;
  const counts = await countRows(store, async () => {
    let over = false;
    const listing = store.executions.runs(query({ signal: gone.signal })).finally(() => {
      over = true;
    });
    while (!over) {
      await new Promise((resolve) => setImmediate(resolve));
      turns += 1;
      if (turns === 2) gone.abort();
    }
    expect((await listing).runs).toEqual([]);
  });
  expect(turns).toBeGreaterThanOrEqual(2);
  expect(counts.length).toBeLessThan(RUNS / 2 / 200);
  store.close();
});
