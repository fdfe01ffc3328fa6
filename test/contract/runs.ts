import { describe, expect, test } from "vitest";
import { BadToken, type RunsQuery } from "../../shared/ports.ts";
import type { Head } from "../../shared/protocol/head.ts";
import { batchOf, begun, claimed, closed, newRef, uuid } from "./subject.ts";
import type { Contract } from "./suite.ts";

export const runsContract: Contract = (of) => {
  const list = (workspace: string, q: Partial<RunsQuery> = {}) =>
    of().ports.executions.runs({ workspace, sortBy: "start_time", order: "asc", limit: 100, ...q });
  /** Asserts that the query lists exactly these runs, eventually. */
  const lists = (workspace: string, q: Partial<RunsQuery>, heads: readonly Pick<Head, "run">[]) =>
    of().eventually(async () => {
      const { runs, next } = await list(workspace, q);
      expect(runs.map((r) => r.run)).toEqual(heads.map((h) => h.run));
      expect(next).toBeNull();
    });

  test("a workspace lists its own runs only", async () => {
    await begun(of());
    await lists(uuid(), {}, []);
  });

  describe("of five runs", () => {
    let workspace = "";
    let t = 0;
    let a: Head;
    let b: Head;
    let c: Head;
    let d: Head;
    let e: Head;
    const setUp = async () => {
      if (workspace !== "") return;
      workspace = uuid();
      t = of().now() - 100_000;
      const start = (n: number, execution: string, over: Partial<Head>) =>
        begun(of(), { workspace, execution }, { started_at: t + n, workflow: "orders", ...over });
      const end = (head: Head, n: number, status: Head["status"]) =>
        closed(of(), head, 2, { status, closed_at: t + n }).then(() => head);
      a = await start(1, "invoice_2024", { search_keys: { customer: "Ada Lovelace", region: "eu" } });
      b = await start(2, "x-B", { workflow: "refunds", deployment: "bank", user: "u1", root: "invoice_2024" });
      c = await start(3, "x-c%d", { search_keys: { customer: "Bob" } });
      d = await start(4, "x-d", { workflow: "Invoices", user: "u1" });
      e = await start(5, "x-e", {});
      await end(b, 60, "COMPLETED");
      await end(c, 50, "FAILED");
      await end(e, 70, "CANCELED");
    };

    test("all are listed by start, either way", async () => {
      await setUp();
      await lists(workspace, {}, [a, b, c, d, e]);
      await lists(workspace, { order: "desc" }, [e, d, c, b, a]);
    });

    test("by end; open runs count as ending last", async () => {
      await setUp();
      await of().eventually(async () => {
        const { runs } = await list(workspace, { sortBy: "end_time" });
        expect(runs.slice(0, 3).map((r) => r.run)).toEqual([c, b, e].map((h) => h.run));
        expect(new Set(runs.slice(3).map((r) => r.run))).toEqual(new Set([a.run, d.run]));
      });
      await of().eventually(async () => {
        const { runs } = await list(workspace, { sortBy: "end_time", order: "desc" });
        expect(runs.slice(2).map((r) => r.run)).toEqual([e, b, c].map((h) => h.run));
      });
    });

    test("by workflow names, with and without", async () => {
      await setUp();
      await lists(workspace, { workflows: ["refunds", "Invoices"] }, [b, d]);
      await lists(workspace, { workflows: ["nothing"] }, []);
      await lists(workspace, { workflows: [] }, []);
      await lists(workspace, { without: ["orders"] }, [b, d]);
      await lists(workspace, { without: [] }, [a, b, c, d, e]);
    });

    test("by status", async () => {
      await setUp();
      await lists(workspace, { statuses: ["RUNNING"] }, [a, d]);
      await lists(workspace, { statuses: ["FAILED", "CANCELED"] }, [c, e]);
      await lists(workspace, { statuses: [] }, [a, b, c, d, e]);
    });

    test("by deployment, user and root", async () => {
      await setUp();
      await lists(workspace, { deployment: "bank" }, [b]);
      await lists(workspace, { user: "u1" }, [b, d]);
      await lists(workspace, { root: "invoice_2024" }, [a, b]);
    });

    test("by times of start and end, bounds included; an open run has no end", async () => {
      await setUp();
      await lists(workspace, { startedAfter: t + 2, startedBefore: t + 4 }, [b, c, d]);
      await lists(workspace, { closedAfter: t + 60 }, [b, e]);
      await lists(workspace, { closedBefore: t + 60 }, [b, c]);
      await lists(workspace, { closedAfter: t + 51, closedBefore: t + 69 }, [b]);
    });

    test("by text in workflow name or execution id, in any case, without wildcards", async () => {
      await setUp();
      await lists(workspace, { search: "INVOICE" }, [a, d]);
      await lists(workspace, { search: "-b" }, [b]);
      await lists(workspace, { search: "c%" }, [c]);
      await lists(workspace, { search: "_2" }, [a]);
      await lists(workspace, { search: "refund" }, [b]);
      await lists(workspace, { search: "x_d" }, []);
    });

    test("also by workflows whose title matches", async () => {
      await setUp();
      await lists(workspace, { search: "no such text", workflowsBySearch: ["refunds"] }, [b]);
      await lists(workspace, { search: "invoice", workflowsBySearch: ["refunds"] }, [a, b, d]);
    });

    test("by search keys, exactly or by their beginnings, all of which must match", async () => {
      await setUp();
      await lists(workspace, { searchKeys: [{ key: "customer", value: "Ada Lovelace" }] }, [a]);
      await lists(workspace, { searchKeys: [{ key: "customer", value: "Ada" }] }, []);
      await lists(workspace, { searchKeys: [{ key: "customer", value: "Ada", prefix: true }] }, [a]);
      await lists(workspace, { searchKeys: [{ key: "customer", value: "", prefix: true }] }, [a, c]);
      await lists(workspace, { searchKeys: [{ key: "customer", value: "ovelace", prefix: true }] }, []);
      await lists(workspace, { searchKeys: [{ key: "region", value: "Bob" }] }, []);
      const both = [
        { key: "customer", value: "Ada", prefix: true },
        { key: "region", value: "eu" },
      ];
      await lists(workspace, { searchKeys: both }, [a]);
      await lists(workspace, { searchKeys: [both[0]!, { key: "region", value: "us" }] }, []);
    });

    test("several filters together", async () => {
      await setUp();
      await lists(workspace, { workflows: ["orders"], statuses: ["FAILED"], startedAfter: t + 2 }, [c]);
    });
  });

  test("a listed run is the head as it ended, or as it is now", async () => {
    const workspace = uuid();
    const open = await begun(of(), newRef(workspace), { started_at: of().now() - 9 });
    const final = await closed(of(), await begun(of(), newRef(workspace)));
    await of().eventually(async () => {
      const { runs } = await list(workspace);
      expect(runs[0]).toMatchObject({ run: open.run, status: "RUNNING", parent: null, closed_at: null });
      expect(runs[1]).toMatchObject({ run: final.run, status: "COMPLETED", closed_at: final.closed_at });
    });
  });

  test("each run of a chain is listed", async () => {
    const workspace = uuid();
    const head = await claimed(of(), await begun(of(), newRef(workspace), { started_at: of().now() - 9 }));
    const run = uuid();
    const now = of().now();
    const batch = batchOf(2, now, [{ kind: "execution_continued", run, workflow: head.workflow, input: null }]);
    const next = { ...head, run, started_at: now, continued_from: head.run };
    await of().ports.executions.close(head, { run: head.run, fence: head.fence, batch, next });
    await lists(workspace, {}, [head, { run }]);
    await lists(workspace, { statuses: ["CONTINUED_AS_NEW"] }, [head]);
  });

  for (const sortBy of ["start_time", "end_time"] as const) {
    test(`pages by ${sortBy} are full until the last, and together list each run once`, async () => {
      const workspace = uuid();
      const at = of().now() - 10_000;
      const heads: Head[] = [];
      for (let i = 0; i < 11; i++) {
        // Groups with the same start and end: a page may end inside a group.
        const over = { started_at: at + (i % 3), workflow: i === 4 ? "other" : "orders" };
        const head = await begun(of(), newRef(workspace), over);
        heads.push(head);
        if (i % 4 !== 0) await closed(of(), head, 2, { closed_at: at + 20 + (i % 2) });
      }
      const wanted = heads.filter((h) => h.workflow === "orders");
      for (const order of ["asc", "desc"] as const) {
        await of().eventually(async () => {
          const seen: string[] = [];
          const sizes: number[] = [];
          let token: string | undefined;
          do {
            const q = { workspace, sortBy, order, limit: 4, workflows: ["orders"], ...(token ? { token } : {}) };
            const page = await of().ports.executions.runs(q);
            seen.push(...page.runs.map((r) => r.run));
            sizes.push(page.runs.length);
            token = page.next ?? undefined;
          } while (token);
          expect([...seen].sort()).toEqual(wanted.map((h) => h.run).sort());
          expect(sizes).toEqual([4, 4, 2]);
        });
      }
    });
  }

  test("a page that ends with the last run has no next", async () => {
    const workspace = uuid();
    for (let i = 0; i < 4; i++) await begun(of(), newRef(workspace));
    await of().eventually(async () => {
      const one = await list(workspace, { limit: 2 });
      expect(one.runs).toHaveLength(2);
      const two = await list(workspace, { limit: 2, token: one.next! });
      expect(two.runs).toHaveLength(2);
      expect(two.next).toBeNull();
    });
  });

  test("runs that start between two pages, newest first, do not shift the second page", async () => {
    const workspace = uuid();
    const at = of().now() - 10_000;
    const heads: Head[] = [];
    for (let i = 0; i < 4; i++) heads.push(await begun(of(), newRef(workspace), { started_at: at + i }));
    await of().eventually(async () => {
      const one = await list(workspace, { order: "desc", limit: 2 });
      expect(one.runs.map((r) => r.run)).toEqual([heads[3]!.run, heads[2]!.run]);
      await begun(of(), newRef(workspace), { started_at: at + 50 });
      const two = await list(workspace, { order: "desc", limit: 2, token: one.next! });
      expect(two.runs.map((r) => r.run)).toEqual([heads[1]!.run, heads[0]!.run]);
    });
  });

  test.each([
    "",
    "nonsense",
    "bm90IGpzb24",
    Buffer.from('{"a":1}').toString("base64url"),
  ])("a token that the store did not make is refused: %j", async (token) => {
    await expect(list(uuid(), { token })).rejects.toThrow(BadToken);
  });
};
