import { expect, test } from "vitest";
import { batchOf, begun, closed, LIMIT, newRef, scheduled, uuid } from "./subject.ts";
import type { Contract } from "./suite.ts";

export const waitingContract: Contract = (of) => {
  const result = (n: number) => ({ kind: "result" as const, result: { n } });
  const soon = () => of().now() + 30_000;

  const asked = async () => {
    const [workspace, query] = [uuid(), uuid()];
    await of().ports.answers.open(workspace, query);
    return [workspace, query] as const;
  };

  test("an answer reaches the caller that waits for it", async () => {
    const [workspace, query] = await asked();
    const waiting = of().ports.answers.wait(workspace, query, soon());
    await of().ports.answers.put(workspace, query, result(1));
    await of().pass(300);
    expect(await waiting).toEqual(result(1));
  });

  test("an answer that comes between the question and the wait is kept", async () => {
    const [workspace, query] = await asked();
    await of().ports.answers.put(workspace, query, result(1));
    expect(await of().ports.answers.wait(workspace, query, soon())).toEqual(result(1));
  });

  const unanswered = async (workspace: string, query: string) => {
    const waiting = of().ports.answers.wait(workspace, query, of().now() + 400);
    await of().pass(500);
    expect(await waiting).toBeNull();
  };

  test("an answer is only for its query and its workspace", async () => {
    const [workspace, query] = await asked();
    const other = uuid();
    await of().ports.answers.open(other, query);
    await of().ports.answers.put(workspace, query, result(1));
    await unanswered(other, query);
    await unanswered(workspace, uuid());
  });

  // 100 kB: on AWS such an answer would be an object in S3.
  const large = { kind: "result" as const, result: { text: Array.from({ length: 3_000 }, uuid).join() } };

  test.each([
    ["small", result(1)],
    ["large", large],
  ])("a %s answer to a query that nobody has asked is not kept", async (_, answer) => {
    const [workspace, query] = [uuid(), uuid()];
    await of().ports.answers.put(workspace, query, answer);
    await of().ports.answers.open(workspace, query);
    await unanswered(workspace, query);
  });

  test("the first answer to a query counts, and later ones are not kept", async () => {
    const [workspace, query] = await asked();
    await of().ports.answers.put(workspace, query, large);
    await of().ports.answers.put(workspace, query, result(2));
    await of().ports.answers.put(workspace, query, { ...large, result: null });
    expect(await of().ports.answers.wait(workspace, query, soon())).toEqual(large);
  });

  test("a query is closed by the end of its wait: a late answer is not kept", async () => {
    const [workspace, query] = await asked();
    await unanswered(workspace, query);
    await of().ports.answers.put(workspace, query, result(1));
    await unanswered(workspace, query);
  });

  test("a failure is an answer as well", async () => {
    const [workspace, query] = await asked();
    const failure = { kind: "failure" as const, status: 424, failure: { message: "no", type: "T" } };
    const waiting = of().ports.answers.wait(workspace, query, soon());
    await of().ports.answers.put(workspace, query, failure);
    await of().pass(300);
    expect(await waiting).toEqual(failure);
  });

  test("a wait for an answer ends when its time is up, or when it is aborted", async () => {
    const waiting = of().ports.answers.wait(uuid(), uuid(), of().now() + 1_000);
    await of().pass(1_300);
    expect(await waiting).toBeNull();
    const off = new AbortController();
    const aborted = of().ports.answers.wait(uuid(), uuid(), soon(), off.signal);
    off.abort();
    await of().pass(300);
    expect(await aborted).toBeNull();
  });

  test("a wait for an execution ends after a write to it", async () => {
    const head = await begun(of());
    const step = of().ports.changes.waitForExecution(head, of().now() + 600_000);
    await of().ports.executions.putBatch(head, head.run, batchOf(2, of().now(), [scheduled(1)]), LIMIT);
    await of().ports.durable();
    await of().pass(1_000);
    await step;
    const end = of().ports.changes.waitForExecution(head, of().now() + 600_000);
    await closed(of(), head, 3);
    await of().ports.durable();
    await of().pass(1_000);
    await end;
  });

  test("a wait for a head ends after the start, and after the close of a run", async () => {
    const { changes, durable } = of().ports;
    const ref = newRef();
    const start = changes.waitForHead(ref, of().now() + 600_000);
    const head = await begun(of(), ref);
    await durable();
    await of().pass(1_000);
    await start;
    const end = changes.waitForHead(head, of().now() + 600_000);
    await closed(of(), head, 2);
    await durable();
    await of().pass(1_000);
    await end;
  });

  test("a wait for the feed ends after an event of the workspace", async () => {
    const workspace = uuid();
    const waiting = of().ports.changes.waitForFeed(workspace, of().now() + 600_000);
    await begun(of(), newRef(workspace));
    await of().ports.durable();
    await of().pass(1_000);
    await waiting;
  });

  test("a wait for a change ends when its time is up, or when it is aborted", async () => {
    const ref = newRef();
    const { changes } = of().ports;
    const both = [
      changes.waitForHead(ref, of().now() + 800),
      changes.waitForExecution(ref, of().now() + 800),
      changes.waitForFeed(ref.workspace, of().now() + 800),
    ];
    await of().pass(1_000);
    await Promise.all(both);
    const off = new AbortController();
    const aborted = [
      changes.waitForHead(ref, soon(), off.signal),
      changes.waitForExecution(ref, soon(), off.signal),
      changes.waitForFeed(ref.workspace, soon(), off.signal),
    ];
    off.abort();
    await of().pass(300);
    await Promise.all(aborted);
    await changes.waitForExecution(ref, soon(), off.signal); // aborted before it began
  });

  test("`durable` resolves after every write so far is on disk, and at once if there is none", async () => {
    await begun(of());
    await of().ports.durable();
    await of().ports.durable();
  });
};
