import { expect, test } from "vitest";
import type { OpenInputs } from "../../shared/protocol/head.ts";
import type { NewEvent } from "../../shared/protocol/history.ts";
import { batchOf, begun, claimed, closed, newRef, uuid } from "./subject.ts";
import type { Contract } from "./suite.ts";

export const openInputsContract: Contract = (of) => {
  const waiting = (since: number, over: Partial<OpenInputs> = {}): OpenInputs => ({
    through: 2,
    since,
    open: [{ task: "t", event: 2 }],
    ...over,
  });
  const list = async (workspace: string, over: object = {}) => {
    const found = await of().ports.executions.openInputs({ workspace, limit: 100, ...over });
    return found.map(({ execution }) => execution);
  };
  const exactly = (workspace: string, executions: string[], over: object = {}) =>
    of().eventually(async () => expect(await list(workspace, over)).toEqual(executions));
  const set = (head: { workspace: string; execution: string; run: string }, next: OpenInputs, seen?: OpenInputs) =>
    of().ports.executions.setOpenInputs(head, head.run, { seen, next });

  test("an execution is listed from its first open question on, until none is open", async () => {
    const head = await begun(of());
    await exactly(head.workspace, []);
    const one = waiting(100);
    expect(await set(head, one)).toBe(true);
    await exactly(head.workspace, [head.execution]);
    expect((await of().ports.executions.head(head))?.open_inputs).toEqual(one);
    const [found] = await of().ports.executions.openInputs({ workspace: head.workspace, limit: 10 });
    expect(found).toMatchObject({ since: 100, execution: head.execution, head: { run: head.run, open_inputs: one } });
    const none = waiting(0, { through: 4, since: null, open: [] });
    expect(await set(head, none, one)).toBe(true);
    await exactly(head.workspace, []);
    expect((await of().ports.executions.head(head))?.open_inputs).toEqual(none);
    await exactly(uuid(), []);
  });

  test("a write that does not know the present value, or is of another run, changes nothing", async () => {
    const head = await begun(of());
    const [one, two] = [waiting(100), waiting(100, { through: 3 })];
    expect(await set(head, one)).toBe(true);
    expect(await set(head, two)).toBe(false);
    expect(await set(head, one, two)).toBe(false);
    expect(await set({ ...head, run: uuid() }, two, one)).toBe(false);
    expect((await of().ports.executions.head(head))?.open_inputs).toEqual(one);
    const done = await closed(of(), head);
    expect(await set(done, two, one)).toBe(false);
  });

  test("a claim, a wake-up and search keys keep the questions; a close and a continued run end them", async () => {
    const { executions } = of().ports;
    const workspace = uuid();
    const first = await begun(of(), newRef(workspace));
    await set(first, waiting(1));
    await claimed(of(), first);
    await executions.requestWake(first, first.chain, of().now() + 1_000);
    await executions.setSearchKeys(first, first.run, { "order.id": "7" });
    expect((await executions.head(first))?.open_inputs).toEqual(waiting(1));
    const second = await begun(of(), newRef(workspace));
    await set(second, waiting(2));
    await exactly(workspace, [first.execution, second.execution]);
    await closed(of(), first, 2, { open_inputs: undefined } as never);
    await exactly(workspace, [second.execution]);
    const { open_inputs: _, ...head } = await claimed(of(), second);
    const run = uuid();
    const event: NewEvent = { kind: "execution_continued", run, workflow: head.workflow, input: null };
    const next = { ...head, run, fence: head.fence + 1, continued_from: head.run };
    const batch = batchOf(2, of().now(), [event]);
    expect((await executions.close(head, { run: head.run, fence: head.fence, batch, next })).kind).toBe("closed");
    await exactly(workspace, []);
    expect((await executions.head(second))?.open_inputs).toBeUndefined();
  });

  test("the longest wait comes first; pages continue at a place, and a workflow is a filter", async () => {
    const workspace = uuid();
    const ids: string[] = [];
    for (const [since, workflow] of [
      [300, "orders"],
      [100, "returns"],
      [200, "orders"],
      [200, "orders"],
    ] as const) {
      const head = await begun(of(), newRef(workspace), { workflow });
      await set(head, waiting(since));
      ids.push(head.execution);
    }
    const [a, b, c, d] = ids as [string, string, string, string];
    const ordered = [b, ...[c, d].toSorted(), a];
    await exactly(workspace, ordered);
    await exactly(workspace, ordered.slice(1), { workflow: "orders" });
    expect(await list(workspace, { limit: 2 })).toEqual(ordered.slice(0, 2));
    const after = { since: 200, execution: ordered[2]! };
    expect(await list(workspace, { after })).toEqual(ordered.slice(2));
    expect(await list(workspace, { after: { since: 200, execution: "" } })).toEqual(ordered.slice(1));
    expect(await list(workspace, { after: { since: 301, execution: "" } })).toEqual([]);
  });
};
