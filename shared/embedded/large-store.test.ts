/** Reads of a store that holds much, of which they want little. */
import { describe, expect, test } from "vitest";
import { ManualClock } from "../../test/contract/manual-clock.ts";
import {
  batchOf,
  begun,
  bench,
  closed,
  definition,
  headOf,
  newRef,
  scheduled,
  uuid,
} from "../../test/contract/subject.ts";
import { createApi, createKey } from "../api/index.ts";
import type { FeedItem } from "../ports.ts";
import type { NewEvent } from "../protocol/history.ts";
import { embedded } from "../server/embedded.ts";

const step: NewEvent = { kind: "activity_completed", activity: 1, name: "a", result: "x".repeat(100) };

function made() {
  const store = embedded({ clock: new ManualClock() });
  const b = bench({ ports: store, pass: async () => {} });
  return { store, b, db: store.database };
}

/** The texts of the statements that `work` runs, each with its query plan. */
async function plansOf(store: ReturnType<typeof embedded>, work: () => Promise<unknown>): Promise<[string, string][]> {
  const { database } = store;
  const seen = new Map<string, number>();
  const spied = ["one", "all"] as const;
  for (const name of spied) {
    const real = database[name].bind(database) as (sql: string, ...values: never[]) => never;
    Object.assign(database, {
      [name]: (sql: string, ...values: never[]) => {
        seen.set(sql, values.length);
        return real(sql, ...values);
      },
    });
  }
  await work();
  for (const name of spied) delete (database as unknown as Record<string, unknown>)[name];
  return [...seen].map(([sql, n]) => {
    const rows = database.all(`EXPLAIN QUERY PLAN ${sql}`, ...Array<null>(n).fill(null));
    return [sql, rows.map((row) => row.detail).join("\n")];
  });
}

describe("a stream whose filter passes over all that there is", () => {
  /** Reads the stream until its caller goes, two turns of the event loop after the first look. */
  async function readUntilGone(store: ReturnType<typeof embedded>, workspace: string, target: string) {
    const api = createApi(store, { version: "1", url: "http://localhost" });
    const { key } = await createKey(store, { workspace, name: "k" });
    const gone = new AbortController();
    const headers = { authorization: `Bearer ${key}` };
    const answer = await api.handle({ method: "GET", target, headers, body: "", signal: gone.signal });
    if (answer.kind !== "stream") throw new Error(answer.body);
    setImmediate(() => setImmediate(() => gone.abort()));
    for await (const chunk of answer.chunks) throw new Error(`not asked for: ${chunk}`);
  }
  /** How often the method is called from now on. */
  function callsOf<T extends object>(target: T, name: keyof T & string): () => number {
    const real = target[name] as unknown as (...args: unknown[]) => unknown;
    let calls = 0;
    Object.assign(target, {
      [name]: (...args: unknown[]) => {
        calls += 1;
        return real.apply(target, args);
      },
    });
    return () => calls;
  }

  test("of logs lets other requests run, and ends with its caller", async () => {
    const { store, b } = made();
    const ref = newRef();
    const { execution, run, chain, root, workflow } = await begun(b, ref);
    const worker = { deployment: "shop", worker: "w", session: uuid(), definitions: [], now: b.now() };
    await store.registry.register({ ...worker, workspace: ref.workspace });
    const records = Array.from({ length: 400 }, () => ({ at: b.now(), level: "info" as const, body: "x".repeat(100) }));
    const of = { execution, run, chain, root, workflow, deployment: "shop", worker: "w", trace: "a".repeat(32) };
    for (let i = 0; i < 150; i++) {
      const tail = { id: uuid(), runs: [] };
      const group = { ...of, at: b.now(), first: 1 + i * 400, records, dropped: 0, tail };
      await store.logRecords.put(ref, group as never, 0);
    }
    const reads = callsOf(store.logRecords, "ofDeployment");
    await readUntilGone(store, ref.workspace, "/v1/workflows/deployments/shop/logs/stream?worker_name=another");
    expect(reads()).toBeGreaterThan(0);
    expect(reads()).toBeLessThan(60); // all of it takes 120
    store.close();
  });

  test("of events lets other requests run, and ends with its caller", async () => {
    const { store, b } = made();
    const ref = newRef();
    const busy = await begun(b, ref);
    const many = Array<NewEvent>(200).fill(step);
    for (let i = 0; i < 120; i++)
      await store.executions.putBatch(busy, busy.run, batchOf(2 + 200 * i, b.now(), many), 1e9);
    const reads = callsOf(store.feed, "read");
    await readUntilGone(store, ref.workspace, "/v1/workflows/events/stream?workflow_name=another");
    expect(reads()).toBeGreaterThan(0);
    expect(reads()).toBeLessThan(60); // all of it takes 120
    store.close();
  });
});

describe("the stream of an old execution", () => {
  test("is read by indexes that its runs lead, and shows all of it, from any place", async () => {
    const { store, b } = made();
    const old = await begun(b);
    for (let i = 0; i < 30; i++)
      await store.executions.putBatch(old, old.run, batchOf(2 + 2 * i, b.now(), [step, step]), 1e9);
    await closed(b, old, 62);
    const busy = await begun(b, newRef(old.workspace));
    for (let i = 0; i < 30; i++) {
      const many = Array<NewEvent>(100).fill(step);
      await store.executions.putBatch(busy, busy.run, batchOf(2 + 100 * i, b.now(), many), 1e9);
    }
    const scope = { execution: old.execution };
    const plans = await plansOf(store, () => store.feed.read(old.workspace, { after: 0, limit: 20, ...scope }));
    const ofLog = plans.filter(([sql]) => / FROM (log|progress) /.test(sql));
    expect(ofLog.length).toBeGreaterThan(1);
    for (const [sql, plan] of ofLog) {
      expect(plan, sql).toMatch(/SEARCH (log|progress) USING .*\(run=\?|SEARCH progress USING INTEGER PRIMARY KEY/);
    }
    const all = (await store.feed.read(old.workspace, { after: 0, limit: 1_000, ...scope })).items;
    expect(all).toHaveLength(62);
    for (const [i, { sequence }] of all.entries()) {
      expect((await store.feed.read(old.workspace, { after: sequence, limit: 1_000, ...scope })).items).toEqual(
        all.slice(i + 1),
      );
    }
    store.close();
  });

  test("of a tree of many runs shows the same events as that of the workspace", async () => {
    const { store, b } = made();
    const workspace = uuid();
    const root = await begun(b, newRef(workspace));
    for (let i = 0; i < 250; i++) {
      const child = await begun(b, newRef(workspace), { root: root.execution });
      await store.executions.putBatch(child, child.run, batchOf(2, b.now(), [step, step]), 1e9);
      if (i % 2 === 0) await closed(b, child, 4);
    }
    const events = (await store.feed.read(workspace, { after: 0, limit: 10_000 })).items;
    const other = await begun(b, newRef(workspace));
    const many = Array<NewEvent>(100).fill(step);
    for (let i = 0; i < 30; i++)
      await store.executions.putBatch(other, other.run, batchOf(2 + 100 * i, b.now(), many), 1e9);
    const scope = { root: root.execution };
    const seen = [];
    for (;;) {
      const page: FeedItem[] = (
        await store.feed.read(workspace, { after: seen.at(-1)?.sequence ?? 0, limit: 70, ...scope })
      ).items;
      if (page.length === 0) break;
      seen.push(...page);
    }
    expect(seen).toEqual(events);
    store.close();
  });
});

test("a read of large events ends after some of them, and the next goes on", async () => {
  const { store, b } = made();
  const head = await begun(b);
  const large: NewEvent = { ...step, result: "x".repeat(400_000) } as NewEvent;
  for (let i = 0; i < 10; i++) await store.executions.putBatch(head, head.run, batchOf(2 + i, b.now(), [large]), 1e9);
  const sizes: number[] = [];
  let after = 0;
  for (;;) {
    const page = (await store.feed.read(head.workspace, { after, limit: 1_000 })).items;
    if (page.length === 0) break;
    sizes.push(page.length);
    after = page.at(-1)!.sequence;
  }
  expect(sizes.reduce((sum, n) => sum + n, 0)).toBe(11);
  expect(Math.max(...sizes)).toBeLessThanOrEqual(4);
  store.close();
});

test("a list whose caller has gone ends after the next rows", async () => {
  const { store, b, db } = made();
  const workspace = uuid();
  for (let i = 0; i < 3_000; i++) await store.executions.create(headOf(newRef(workspace), b.now() + i), []);
  const query = { workspace, sortBy: "start_time", order: "asc", limit: 50, search: "nothing" } as const;
  const chunks = async (signal: AbortSignal) => {
    let read = 0;
    const all = db.all.bind(db);
    db.all = (...args) => {
      read += 1;
      return all(...args);
    };
    expect((await store.executions.runs({ ...query, signal })).runs).toEqual([]);
    db.all = all;
    return read;
  };
  expect(await chunks(AbortSignal.abort())).toBe(1);
  expect(await chunks(new AbortController().signal)).toBeGreaterThan(5);
  store.close();
});

test("explain, metrics, failures and open questions read by index alone, whatever else the store holds", async () => {
  const { store, b } = made();
  const workspace = uuid();
  const session = uuid();
  const worker = {
    workspace,
    deployment: "shop",
    worker: "w",
    session,
    definitions: [definition("orders")],
    now: b.now(),
  };
  await store.registry.register(worker);
  const parent = await begun(b, newRef(workspace));
  const child: NewEvent = {
    kind: "child_scheduled",
    child: 1,
    workflow: "orders",
    execution: "kid",
    input: null,
    on_parent_close: "abandon",
  };
  await store.executions.putBatch(parent, parent.run, batchOf(2, b.now(), [scheduled(1), child]), 1e9);
  await begun(b, { workspace, execution: "kid" }, { parent: { ...parent, run: parent.run, child: 1 } });
  const done = await closed(b, await begun(b, newRef(workspace)));
  const api = createApi(store, { version: "1", url: "http://localhost" });
  const { key } = await createKey(store, { workspace, name: "k" });
  const plans = await plansOf(store, async () => {
    const executions = "/v1/workflows/executions";
    for (const target of [
      `${executions}/${parent.execution}/explain`,
      `${executions}/${done.execution}/explain`,
      "/v1/workflows/orders/metrics",
      "/v1/workflows/failures",
      "/v1/workflows/inputs",
    ]) {
      const headers = { authorization: `Bearer ${key}` };
      const { signal } = new AbortController();
      expect((await api.handle({ method: "GET", target, headers, body: "", signal })).status).toBe(200);
    }
  });
  expect(plans.length).toBeGreaterThan(10);
  for (const [sql, plan] of plans) {
    expect(plan, sql).not.toMatch(/SCAN (?!\()/);
    if (sql.includes("FROM workers")) expect(plan, sql).toMatch(/SEARCH workers .*\(ws=\? AND deployment=\?\)/);
    // Workers and registrations do not grow with the executions, and are sorted in memory.
    if (!/FROM (workers|registrations)/.test(sql)) expect(plan, sql).not.toContain("TEMP B-TREE");
  }
  store.close();
});

test("each filter of a list is read by an index, and lists prepare few statements", async () => {
  const { store, b } = made();
  const workspace = uuid();
  for (let i = 0; i < 1_200; i++) {
    const head = headOf(newRef(workspace), b.now() + i, { search_keys: { customer: `c-${i % 7}` }, user: "ann" });
    await store.executions.create(head, []);
  }
  const filters = [
    {},
    { statuses: ["RUNNING"] },
    { workflows: ["orders"] },
    { deployment: "shop" },
    { user: "ann" },
    { root: "x" },
    { search: "nothing" },
    { searchKeys: [{ key: "customer", value: "c-3" }] },
    { searchKeys: [{ key: "customer", value: "c", prefix: true }] },
    { statuses: ["RUNNING", "FAILED"] },
    { workflows: ["orders", "refunds"] },
    { workflows: ["a", "b", "c"], statuses: ["FAILED", "COMPLETED"] },
  ] as const;
  const plans = await plansOf(store, async () => {
    for (const filter of filters) {
      for (const sortBy of ["start_time", "end_time"] as const) {
        for (const order of ["asc", "desc"] as const) {
          await store.executions.runs({ workspace, sortBy, order, limit: 50, ...filter });
        }
      }
    }
  });
  for (const [sql, plan] of plans) {
    expect(plan, sql).not.toMatch(/SCAN (r|k|runs|search_keys)\b/);
    // Few rows are sorted in memory; a walk is in the order of its index.
    expect(plan, sql).not.toContain("TEMP B-TREE");
  }
  expect(plans.length).toBeLessThan(60);
  store.close();
});

describe("a search for a text", () => {
  const filters = [
    {},
    { statuses: ["RUNNING"] },
    { workflows: ["orders"] },
    { searchKeys: [{ key: "customer", value: "c-3" }] },
  ] as const;

  test("reads entries of an index alone where no text matches", async () => {
    const { store, b, db } = made();
    const workspace = uuid();
    for (let i = 0; i < 3_500; i++) {
      await store.executions.create(
        headOf(newRef(workspace), b.now() + i, { search_keys: { customer: `c-${i % 7}` } }),
        [],
      );
    }
    const plans = await plansOf(store, async () => {
      for (const filter of filters.slice(0, 3)) {
        for (const sortBy of ["start_time", "end_time"] as const)
          await store.executions.runs({ workspace, sortBy, order: "desc", limit: 50, search: "nothing", ...filter });
      }
    });
    const walks = plans.filter(([sql]) => sql.includes("CROSS JOIN"));
    expect(walks).toHaveLength(2);
    for (const [sql, plan] of walks) expect(plan, sql).toMatch(/SEARCH k USING COVERING INDEX runs_(started|ended)/);
    // The rows themselves are not read: without them the answer is the same.
    db.run("UPDATE runs SET search_keys = 'no JSON'");
    const keys = { searchKeys: [{ key: "customer", value: "c-3" }] };
    const q = { workspace, sortBy: "start_time", order: "asc", limit: 50, search: "nothing", ...keys } as const;
    expect((await store.executions.runs(q)).runs).toEqual([]);
    store.close();
  });

  test("finds all runs whose id, workflow or title has it, page by page, with every other filter", async () => {
    const { store, b } = made();
    const workspace = uuid();
    const heads = Array.from({ length: 2_000 }, (_, i) => {
      const workflow = ["orders", "refunds", "billing"][i % 3]!;
      const execution = `${i % 5 === 0 ? "Special_" : ""}${i}`;
      return headOf({ workspace, execution }, b.now() + (i >> 2), {
        workflow,
        search_keys: { customer: `c-${i % 7}` },
      });
    });
    for (const head of heads) await store.executions.create(head, []);
    const texts = ["special_1", "SPECIAL", "refund", "7", "l_", "%"];
    for (const [n, filter] of filters.entries()) {
      for (const search of texts) {
        const [sortBy, order] = [n % 2 ? "end_time" : "start_time", n > 1 ? "asc" : "desc"] as const;
        const q = {
          workspace,
          sortBy,
          order,
          limit: 97,
          search,
          workflowsBySearch: search === "7" ? ["billing"] : [],
          ...filter,
        };
        const found: string[] = [];
        for (let next: string | null | undefined; next !== null; ) {
          const page = await store.executions.runs({ ...q, ...(next !== undefined && { token: next }) });
          found.push(...page.runs.map(({ execution }) => execution));
          ({ next } = page);
          if (next !== null) expect(page.runs).toHaveLength(97);
        }
        const has = (text: string) => text.toLowerCase().includes(search.toLowerCase());
        const wanted = heads.filter(
          (head) =>
            (has(head.execution) || has(head.workflow) || q.workflowsBySearch.includes(head.workflow)) &&
            (!("workflows" in filter) || head.workflow === "orders") &&
            (!("searchKeys" in filter) || head.search_keys.customer === "c-3"),
        );
        expect(found.toSorted(), `${search} ${n}`).toEqual(wanted.map(({ execution }) => execution).toSorted());
      }
    }
    store.close();
  });
});

describe("a list of several statuses", () => {
  async function mixed() {
    const { store, b, db } = made();
    const workspace = uuid();
    for (let i = 0; i < 6_000; i++) await store.executions.create(headOf(newRef(workspace), b.now() + (i >> 1)), []);
    db.run("UPDATE runs SET status = 'FAILED' WHERE started_at % 10 = 3");
    db.run("UPDATE runs SET status = 'CANCELED' WHERE started_at % 10 = 7");
    const list = async (
      statuses: readonly ("FAILED" | "CANCELED" | "RUNNING")[],
      order: "asc" | "desc",
      limit = 97,
    ) => {
      const runs = [];
      for (let next: string | null | undefined; next !== null; ) {
        const token = next === undefined ? {} : { token: next };
        const page = await store.executions.runs({ workspace, sortBy: "start_time", order, limit, statuses, ...token });
        runs.push(...page.runs);
        ({ next } = page);
      }
      return runs;
    };
    return { store, db, workspace, list };
  }

  test("has all runs of each, in one order, page by page", async () => {
    const { store, list } = await mixed();
    for (const order of ["asc", "desc"] as const) {
      const all = await list(["FAILED", "CANCELED", "RUNNING"], order);
      expect(all).toHaveLength(6_000);
      expect(await list([], order)).toEqual(all);
      const some = all.filter(({ status }) => status !== "RUNNING");
      expect(await list(["CANCELED", "FAILED", "CANCELED"], order)).toEqual(some);
      expect(some).toHaveLength(1_200);
    }
    store.close();
  });

  test("tests no rows of other statuses", async () => {
    const { store, db, workspace } = await mixed();
    let read = 0;
    const all = db.all.bind(db);
    db.all = (...args) => {
      read += 1;
      return all(...args);
    };
    const q = { workspace, sortBy: "start_time", order: "asc", limit: 90, statuses: ["FAILED", "CANCELED"] } as const;
    expect((await store.executions.runs(q)).runs).toHaveLength(90);
    // One chunk of each status.
    expect(read).toBe(2);
    store.close();
  });
});

describe("a list by filters that few of very many runs pass together", () => {
  async function filled() {
    const { store, b, db } = made();
    const workspace = uuid();
    for (let i = 0; i < 9_000; i++) {
      const search_keys: Record<string, string> = { region: i % 2 === 0 ? "eu" : "us" };
      if (i % 9 === 0) search_keys.order = `o-${i}`;
      await store.executions.create(headOf(newRef(workspace), b.now() + (i >> 1), { search_keys }), []);
    }
    db.run("UPDATE runs SET status = 'FAILED', ends_at = 100000 - started_at % 777 WHERE started_at % 10 = 3");
    return { store, workspace };
  }
  const base = { order: "asc", limit: 50 } as const;

  test("reads the runs of a status by their ids where their index is in another order, page by page", async () => {
    const { store, workspace } = await filled();
    const q = { workspace, ...base, sortBy: "end_time", statuses: ["FAILED"] } as const;
    const plans = await plansOf(store, () => store.executions.runs(q));
    expect(plans.some(([sql]) => sql.includes("r.run IN"))).toBe(true);
    // No walk through the runs of all statuses.
    for (const [sql] of plans) expect(sql).not.toContain("runs_ended");
    const ids: string[] = [];
    const ends: string[] = [];
    for (let next: string | null | undefined; next !== null; ) {
      const page = await store.executions.runs({ ...q, ...(next !== undefined && { token: next }) });
      ids.push(...page.runs.map(({ run }) => run));
      ends.push(
        ...page.runs.map(({ run }) =>
          String(store.database.one("SELECT ends_at FROM runs WHERE run = ?", run)?.ends_at),
        ),
      );
      ({ next } = page);
      if (next !== null) expect(page.runs).toHaveLength(50);
    }
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids).toHaveLength(Number(store.database.one("SELECT COUNT(*) AS n FROM runs WHERE status = 'FAILED'")?.n));
    expect(ends).toEqual(ends.toSorted((a, b) => Number(a) - Number(b)));
    store.close();
  });

  test("looks up no run that another search key rules out", async () => {
    const { store, workspace } = await filled();
    const list = (...searchKeys: { key: string; value: string; prefix?: boolean }[]) =>
      store.executions.runs({
        workspace,
        ...base,
        sortBy: "start_time",
        searchKeys: searchKeys.map((k) => ({ prefix: false, ...k })),
      });
    const eu = { key: "region", value: "eu" };
    const plans = await plansOf(store, () => list(eu, { key: "region", value: "us" }));
    const walks = plans.filter(([sql]) => / JOIN runs r/.test(sql) && sql.includes("ORDER BY"));
    expect(walks).toHaveLength(1);
    for (const [sql, plan] of walks) expect(plan, sql).toMatch(/^SEARCH k .*\nSEARCH o0 .*\nSEARCH r /);
    expect((await list(eu, { key: "region", value: "us" })).runs).toEqual([]);
    const both = await list(eu, { key: "order", value: "o-18" });
    expect(both.runs).toHaveLength(1);
    const prefixed = await list(eu, { key: "order", value: "o-1", prefix: true });
    expect(prefixed.runs.length).toBeGreaterThan(10);
    expect((await list(eu, { key: "region", value: "e", prefix: true })).runs).toHaveLength(50);
    store.close();
  });
});
