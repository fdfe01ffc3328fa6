import { expect, test } from "vitest";
import type { StoredJob } from "../../shared/ports.ts";
import { uuid } from "./subject.ts";
import type { Contract } from "./suite.ts";

export const jobsContract: Contract = (of) => {
  const jobs = () => of().ports.jobs;
  const job = (over: Partial<StoredJob> = {}): StoredJob => {
    const workspace = over.workspace ?? uuid();
    return {
      workspace,
      id: uuid(),
      version: 1,
      action: { kind: "signal", name: "go", input: { a: [1, null] } },
      filter: { workflow_identifier: "orders" },
      query: { workspace, workflows: ["orders"], startedBefore: 5 },
      by: "ops",
      status: "COUNTING",
      token: null,
      page: null,
      pages: 0,
      total: null,
      counted: 0,
      counts: { succeeded: 0, skipped: 0, failed: 0 },
      problem: null,
      createdAt: of().now(),
      endedAt: null,
      dueAt: of().now(),
      ...over,
    };
  };
  const outcome = (execution: string) => ({ execution, run: uuid(), outcome: "succeeded" as const, detail: null });

  test("a job is stored once under its id, in its own workspace", async () => {
    const one = job();
    expect(await jobs().create(one)).toBe(true);
    expect(await jobs().create({ ...one, by: "another" })).toBe(false);
    expect(await jobs().get(one)).toEqual(one);
    expect(await jobs().get({ workspace: uuid(), id: one.id })).toBeNull();
  });

  test("of two changes of one version the second is refused", async () => {
    const one = job();
    await jobs().create(one);
    const next: StoredJob = { ...one, version: 2, status: "RUNNING", total: 7, token: "t" };
    expect(await jobs().replace(next)).toBe(true);
    expect(await jobs().replace({ ...next, status: "ABORTED" })).toBe(false);
    expect(await jobs().replace({ ...next, version: 4 })).toBe(false);
    expect(await jobs().get(one)).toEqual(next);
    expect(await jobs().replace(job())).toBe(false);
  });

  test("the outcomes of a page are kept as they were written first", async () => {
    const one = job();
    const [first, second] = [[outcome("a"), outcome("b")], [outcome("c")]];
    expect(await jobs().outcomes(one, 0)).toEqual([]);
    expect(await jobs().putOutcomes(one, 0, first)).toEqual(first);
    expect(await jobs().putOutcomes(one, 0, second)).toEqual(first);
    expect(await jobs().putOutcomes(one, 1, second)).toEqual(second);
    expect(await jobs().outcomes(one, 0)).toEqual(first);
    expect(await jobs().outcomes({ ...one, workspace: uuid() }, 0)).toEqual([]);
  });

  test("jobs are listed in falling order of their ids, in pages", async () => {
    const workspace = uuid();
    const made = Array.from({ length: 5 }, () => job({ workspace }));
    for (const each of made) await jobs().create(each);
    await jobs().create(job());
    const ids = made
      .map(({ id }) => id)
      .toSorted()
      .toReversed();
    const listed = async (p: { before?: string; limit: number }) =>
      (await jobs().list(workspace, p)).map(({ id }) => id);
    expect(await listed({ limit: 10 })).toEqual(ids);
    expect(await listed({ limit: 2 })).toEqual(ids.slice(0, 2));
    expect(await listed({ limit: 2, before: ids[1]! })).toEqual(ids.slice(2, 4));
    expect(await listed({ limit: 2, before: ids[4]! })).toEqual([]);
  });

  test("a job is found when it is due, and not before, nor once it has ended", async () => {
    const b = of();
    const at = b.now();
    const [due, later] = [job({ dueAt: at - 5 }), job({ dueAt: at + 60_000 })];
    await jobs().create(due);
    await jobs().create(later);
    const found = async (until: number) => {
      const keys = await jobs().due(until, 10_000);
      return [due, later].filter(({ id, workspace }) => keys.some((k) => k.id === id && k.workspace === workspace));
    };
    await b.eventually(async () => expect(await found(at)).toEqual([due]));
    await b.eventually(async () => expect(await found(at + 60_000)).toEqual([due, later]));
    await jobs().replace({ ...due, version: 2, status: "COMPLETED", endedAt: at, dueAt: null });
    await b.eventually(async () => expect(await found(at + 60_000)).toEqual([later]));
    await jobs().replace({ ...later, version: 2, dueAt: null, endedAt: at });
  });
};
