import { describe, expect, test } from "vitest";
import { addLogRecords } from "../../shared/engine/log-records.ts";
import type { Ref } from "../../shared/ports.ts";
import type { Head } from "../../shared/protocol/head.ts";
import { MAX_RUN_LOG_RECORDS } from "../../shared/protocol/limits.ts";
import type { LogGroup, LogRecord } from "../../shared/protocol/log-records.ts";
import { headOf, newRef, uuid } from "./subject.ts";
import type { Contract } from "./suite.ts";

export const logRecordsContract: Contract = (of) => {
  const records = () => of().ports.logRecords;
  const line = (body: string, over: Partial<LogRecord> = {}): LogRecord => ({
    at: 1_000,
    level: "info",
    body,
    ...over,
  });
  const from = { worker: "w1", trace: "a".repeat(32) };
  const add = (head: Head, bodies: readonly string[], over: { id?: string; dropped?: number } = {}) =>
    addLogRecords(of().ports, head, from, {
      id: over.id ?? uuid(),
      records: bodies.map((body) => line(body)),
      dropped: over.dropped ?? 0,
    });
  const bodies = (groups: readonly LogGroup[]) => groups.flatMap((group) => group.records.map(({ body }) => body));
  const read = async (ref: Ref, order: "asc" | "desc" = "asc", first?: number) =>
    records().ofExecution(ref, { ...(first !== undefined && { from: first }), order });
  const begin = (ref: Ref = newRef(), over: Partial<Head> = {}) => headOf(ref, of().now(), over);

  test("groups are read in the order in which they were written, from any of them on, in either direction", async () => {
    const head = begin();
    expect(await read(head)).toEqual([]);
    expect(await records().last(head)).toBeNull();
    await add(head, ["a", "b"]);
    await add(head, ["c"]);
    await add(head, ["d", "e"]);
    const groups = await read(head);
    expect(groups.map(({ first }) => first)).toEqual([1, 3, 4]);
    expect(bodies(groups)).toEqual(["a", "b", "c", "d", "e"]);
    expect(bodies(await read(head, "asc", 3))).toEqual(["c", "d", "e"]);
    expect((await read(head, "desc")).map(({ first }) => first)).toEqual([4, 3, 1]);
    expect((await read(head, "desc", 3)).map(({ first }) => first)).toEqual([3, 1]);
    expect(await read({ ...head, workspace: uuid() })).toEqual([]);
    expect(await records().last(head)).toMatchObject({ first: 4 });
  });

  test("a group keeps everything that it was given", async () => {
    const head = begin(newRef(), { root: "the-root", workflow: "orders" });
    const full = line("ü ✓ \u0000", {
      level: "error",
      attributes: { amount: "3", __proto__x: "y" },
      activity: { id: 7, name: "charge", attempt: 2 },
    });
    await addLogRecords(of().ports, head, from, { id: uuid(), records: [full], dropped: 0 });
    const { execution, run, chain, root, workflow, deployment } = head;
    const [group] = await read(head);
    expect(group).toMatchObject({ execution, run, chain, root, workflow, deployment, ...from, dropped: 0 });
    expect(group!.records).toEqual([full]);
  });

  test("a place is written once", async () => {
    const head = begin();
    await add(head, ["a"]);
    const [group] = await read(head);
    expect(await records().put(head, { ...group!, records: [line("b")] }, of().now() + 60_000)).toBe(false);
    expect(bodies(await read(head))).toEqual(["a"]);
  });

  test("of groups that are added at once none is lost, and a repeated one is added once", async () => {
    const head = begin();
    const ids = Array.from({ length: 6 }, uuid);
    await Promise.all(ids.map((id, i) => add(head, [`g${i}`], { id })));
    await Promise.all(ids.slice(2).map((id, i) => add(head, [`g${i + 2}`], { id })));
    const groups = await read(head);
    expect(bodies(groups).toSorted()).toEqual(["g0", "g1", "g2", "g3", "g4", "g5"]);
    expect(groups.map(({ first }) => first)).toEqual([1, 2, 3, 4, 5, 6]);
  });

  describe("a run", () => {
    test("keeps so many records, and the last group counts those beyond", async () => {
      const head = begin();
      const many = Array.from({ length: 500 }, () => "x");
      for (let n = 0; n < MAX_RUN_LOG_RECORDS - 500; n += 500) expect(await add(head, many)).toBe(false);
      await add(head, many.slice(1));
      expect(await add(head, ["kept", "over", "over"])).toBe(true);
      expect(await add(head, ["over"], { dropped: 5 })).toBe(true);
      const [last] = await read(head, "desc");
      expect(bodies([last!])).toEqual(["kept"]);
      expect(last).toMatchObject({ first: MAX_RUN_LOG_RECORDS, dropped: 8 });
      const next = { ...head, run: uuid() };
      expect(await add(next, ["of the next run"])).toBe(false);
      expect(await records().last(head)).toMatchObject({ run: next.run, first: MAX_RUN_LOG_RECORDS + 2 });
    });

    test("keeps so many bytes", async () => {
      const head = begin();
      const long = "x".repeat(8_000);
      const full = [];
      for (let i = 0; i < 22; i++)
        full.push(
          await add(
            head,
            Array.from({ length: 31 }, () => long),
          ),
        );
      expect(full.indexOf(true)).toBe(21); // 5 MiB have 653 of these records
      const [last] = await read(head, "desc");
      expect(last!.records.length + last!.dropped).toBe(31);
      expect(last!.dropped).toBeGreaterThan(0);
    });

    test("says where its worker dropped records, without being full", async () => {
      const head = begin();
      expect(await add(head, ["a"], { dropped: 3 })).toBe(false);
      expect(await add(head, ["b"])).toBe(false);
      expect((await read(head)).map(({ first, dropped }) => [first, dropped])).toEqual([
        [1, 3],
        [3, 0],
      ]);
    });
  });

  describe("a deployment", () => {
    test("has the groups of its executions in the order in which they came, from any of them on", async () => {
      const b = of();
      const workspace = uuid();
      const deployment = `d-${uuid()}`;
      const heads = Array.from({ length: 5 }, () => begin(newRef(workspace), { deployment }));
      for (const [i, head] of heads.entries()) {
        await add(head, [`a${i}`]);
        await b.pass(3);
        await add(head, [`b${i}`]);
        await b.pass(3);
      }
      await add(begin(newRef(workspace), { deployment: "another" }), ["no"]);
      await add(begin(newRef(uuid()), { deployment }), ["no"]);
      const wanted = heads.flatMap((_, i) => [`a${i}`, `b${i}`]);
      const all = await b.eventually(async () => {
        const groups = await records().ofDeployment(workspace, deployment, { order: "asc" });
        expect(bodies(groups)).toEqual(wanted);
        return groups;
      });
      const rest = (order: "asc" | "desc") => records().ofDeployment(workspace, deployment, { from: all[4]!, order });
      expect(bodies(await rest("asc"))).toEqual(wanted.slice(4));
      expect(bodies(await rest("desc"))).toEqual(wanted.slice(0, 5).toReversed());
      expect(bodies(await records().ofDeployment(workspace, deployment, { order: "desc" }))).toEqual(
        wanted.toReversed(),
      );
      await b.eventually(async () => {
        const settled = await records().ofDeployment(workspace, deployment, { order: "asc", settled: true });
        expect(bodies(settled)).toEqual(wanted);
      });
    });
  });
};
