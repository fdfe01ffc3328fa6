import { expect, test } from "vitest";
import { CLOSED_STATUSES } from "../../shared/protocol/status.ts";
import { begun, closed, headOf, newRef, uuid } from "./subject.ts";
import type { Contract } from "./suite.ts";

export const startContract: Contract = (of) => {
  test("an execution that was never started has no head", async () => {
    expect(await of().ports.executions.head(newRef())).toBeNull();
  });

  test("a created head reads back whole, at fence 1", async () => {
    const { ports, now } = of();
    const ref = newRef();
    const head = headOf(ref, now(), {
      input: { deep: [1, "ü", null, { a: true }] },
      parent: { execution: "p", chain: uuid(), run: uuid(), child: 3 },
      schedule: { id: "nightly", nominal: now() - 5 },
      search_keys: { customer: "42" },
      user: "u",
      extensions: { trace: "t" },
      deadline: now() + 60_000,
      fence: 77,
    });
    expect(await ports.executions.create(head, [])).toEqual({ kind: "created" });
    expect(await ports.executions.head(ref)).toEqual({ ...head, fence: 1 });
  });

  test("a running execution is not created again, and its head is answered", async () => {
    const b = of();
    const head = await begun(b);
    for (const over of [[], CLOSED_STATUSES]) {
      const put = await b.ports.executions.create(headOf(head, b.now()), over);
      expect(put).toEqual({ kind: "exists", head });
    }
    expect(await b.ports.executions.head(head)).toEqual(head);
  });

  test("a final head that is not due gives way only to a start over final heads, and the fence goes on", async () => {
    const b = of();
    const final = await closed(b, await begun(b));
    const again = headOf(final, b.now());
    expect(await b.ports.executions.create(again, [])).toEqual({ kind: "exists", head: final });
    expect(await b.ports.executions.create(again, CLOSED_STATUSES)).toEqual({ kind: "created" });
    expect(await b.ports.executions.head(final)).toEqual({ ...again, fence: final.fence + 1 });
  });

  test("a start over the final head of one run does not go over that of another", async () => {
    const b = of();
    const final = await closed(b, await begun(b));
    const again = headOf(final, b.now());
    expect(await b.ports.executions.create(again, CLOSED_STATUSES, uuid())).toEqual({ kind: "exists", head: final });
    expect(await b.ports.executions.create(again, CLOSED_STATUSES, final.run)).toEqual({ kind: "created" });
    expect(await b.ports.executions.create(headOf(final, b.now()), CLOSED_STATUSES, final.run)).toMatchObject({
      kind: "exists",
      head: { run: again.run },
    });
  });

  test("a start repeated after its execution has closed is not another start", async () => {
    const b = of();
    const final = await closed(b, await begun(b));
    const repeated = headOf(final, b.now(), { token: final.token });
    expect(await b.ports.executions.create(repeated, CLOSED_STATUSES)).toEqual({ kind: "exists", head: final });
    expect(await b.ports.executions.head(final)).toEqual(final);
  });

  test("a start repeated after its id has been used again is not another start", async () => {
    const b = of();
    const first = await closed(b, await begun(b));
    const second = headOf(first, b.now());
    expect(await b.ports.executions.create(second, CLOSED_STATUSES)).toEqual({ kind: "created" });
    await closed(b, second);
    const repeated = headOf(first, b.now(), { token: first.token, run: first.run });
    expect(await b.ports.executions.create(repeated, CLOSED_STATUSES)).toMatchObject({
      kind: "exists",
      head: { run: first.run, chain: first.chain, token: first.token, status: "COMPLETED" },
    });
    expect(await b.ports.executions.head(first)).toMatchObject({ run: second.run });
  });

  test("a final head with an outbox gives way to no start", async () => {
    const b = of();
    const due = b.now();
    const final = await closed(b, await begun(b), 2, {
      due_at: due,
      outbox: [{ kind: "terminate_child", execution: "c", parent_run: uuid(), child: 1 }],
    });
    expect(final.due_at).toBe(due);
    expect(await b.ports.executions.create(headOf(final, b.now()), CLOSED_STATUSES)).toEqual({
      kind: "exists",
      head: final,
    });
  });

  test("of many creates of one execution at once one succeeds", async () => {
    const { ports, now } = of();
    const ref = newRef();
    const puts = await Promise.all(
      Array.from({ length: 8 }, () => ports.executions.create(headOf(ref, now()), CLOSED_STATUSES)),
    );
    expect(puts.filter((p) => p.kind === "created")).toHaveLength(1);
  });

  test("the same id in another workspace is another execution", async () => {
    const b = of();
    const one = await begun(b);
    const two = await begun(b, { workspace: uuid(), execution: one.execution });
    expect(two.run).not.toBe(one.run);
    expect(await b.ports.executions.head(one)).toEqual(one);
  });

  test("a run is found by its id while open and once closed, in its own workspace only", async () => {
    const b = of();
    const head = await begun(b);
    expect(await b.ports.executions.run(head.workspace, head.run)).toMatchObject({
      run: head.run,
      chain: head.chain,
      execution: head.execution,
      status: "RUNNING",
      closed_at: null,
    });
    const final = await closed(b, head);
    expect(await b.ports.executions.run(head.workspace, head.run)).toMatchObject({
      status: "COMPLETED",
      closed_at: final.closed_at,
      result: { ok: true },
    });
    expect(await b.ports.executions.run(uuid(), head.run)).toBeNull();
    expect(await b.ports.executions.run(head.workspace, uuid())).toBeNull();
  });

  test("the runs of earlier starts stay when the id is used again", async () => {
    const b = of();
    const final = await closed(b, await begun(b));
    const again = headOf(final, b.now());
    await b.ports.executions.create(again, CLOSED_STATUSES);
    expect(await b.ports.executions.run(final.workspace, final.run)).toMatchObject({ status: "COMPLETED" });
    expect(await b.ports.executions.run(final.workspace, again.run)).toMatchObject({ status: "RUNNING" });
  });

  test("search keys are replaced as a whole, in head and run, and stay after the close", async () => {
    const b = of();
    const head = await begun(b, newRef(), { search_keys: { old: "1" } });
    await b.ports.executions.setSearchKeys(head, head.run, { customer: "7" });
    expect((await b.ports.executions.head(head))!.search_keys).toEqual({ customer: "7" });
    const final = await closed(b, (await b.ports.executions.head(head))!);
    expect(final.search_keys).toEqual({ customer: "7" });
    expect((await b.ports.executions.run(head.workspace, head.run))!.search_keys).toEqual({ customer: "7" });
  });

  test("setting search keys changes neither fence nor due time", async () => {
    const b = of();
    const head = await begun(b);
    await b.ports.executions.setSearchKeys(head, head.run, { a: "b" });
    expect(await b.ports.executions.head(head)).toEqual({ ...head, search_keys: { a: "b" } });
  });
};
