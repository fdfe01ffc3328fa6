/** What an execution has used, with its final head. The numbers are held by the tests of each adapter. */
import { expect, test } from "vitest";
import type { ExecutionCost } from "../../shared/protocol/cost.ts";
import { batchOf, begun, claimed, closed, LIMIT, scheduled, uuid } from "./subject.ts";
import type { Contract } from "./suite.ts";

/** The unit that the adapter counts writes in. */
const writes = (cost: ExecutionCost | undefined): number => cost!.write_units ?? cost!.commits!;

export const costContract: Contract = (of) => {
  test("the cost is absent while an execution runs, and there once it has closed", async () => {
    const b = of();
    const head = await begun(b);
    await claimed(b, head);
    expect((await b.ports.executions.head(head))!.cost).toBeUndefined();
    const final = await closed(b, head);
    expect(final.cost).toMatchObject({ tasks: 1, worker_calls: 1 }); // the server has closed it, so the claim is the only call
    expect((await b.ports.executions.run(head.workspace, head.run))!.cost).toEqual(final.cost);
  });

  test("a batch adds a call and a write, and an activity in the queue a task and its message", async () => {
    const b = of();
    const bare = await closed(b, await begun(b));
    const local = await begun(b);
    const step = { ...scheduled(1), where: `local:${uuid()}` as const };
    await b.ports.executions.putBatch(local, local.run, batchOf(2, b.now(), [step]), LIMIT);
    const stepped = (await closed(b, local, 3)).cost!;
    expect(stepped.worker_calls).toBe(bare.cost!.worker_calls + 1);
    expect(writes(stepped)).toBe(writes(bare.cost) + 1);
    const queued = await begun(b);
    await b.ports.executions.putBatch(queued, queued.run, batchOf(2, b.now(), [scheduled(1)]), LIMIT);
    const spread = (await closed(b, queued, 3)).cost!;
    expect(spread.tasks).toBe(stepped.tasks + 1);
    expect(writes(spread)).toBeGreaterThan(writes(stepped));
  });

  test("the cost of a continued run contains that of the runs before it", async () => {
    const b = of();
    const head = await begun(b);
    const owner = await claimed(b, head);
    const run = uuid();
    const continued = { kind: "execution_continued", run, workflow: head.workflow, input: null } as const;
    const next = { ...owner, run, continued_from: head.run, started_at: b.now(), wake_pending: true };
    const batch = batchOf(2, b.now(), [continued]);
    const went = await b.ports.executions.close(head, { run: head.run, fence: owner.fence, batch, next });
    expect(went.kind).toBe("closed");
    const past = (await b.ports.executions.run(head.workspace, head.run))!.cost!;
    expect(past.worker_calls).toBe(2);
    const second = await claimed(b, head);
    const final = (await closed(b, second)).cost!;
    expect(final).toMatchObject({ worker_calls: 3, tasks: past.tasks + 1 });
    expect(writes(final)).toBeGreaterThan(writes(past) + 2);
  });
};
