import { expect, test } from "vitest";
import { headOf as newHead, newRef } from "../../test/contract/subject.ts";
import { type Head, startedOf } from "../protocol/head.ts";
import { embedded } from "../server/embedded.ts";
import type { Row } from "./database.ts";
import { headOf, headOfRun, textOf } from "./head-rows.ts";

/** Each field has another value than the usual one. */
function unusual(): Head {
  return {
    ...newHead(newRef(), 1),
    registration: "r",
    deployment_named: true,
    status: "FAILED",
    root_chain: "of the root",
    display_name: "Title",
    first_run: "the first",
    continued_from: "the one before",
    attempt: 2,
    due_at: 3,
    wake_pending: true,
    fence: 7,
    effects_done_through: 4,
    owner: "a session",
    outbox: [{ kind: "effects", run: "r", first: 2 }],
    token: "of the request",
    input: { n: [null, ""] },
    result: { n: 0 },
    failure: "it failed",
    carried: ["m"],
    paced_until: 5,
    parent: { execution: "p", run: "r", chain: "c", child: 1 } as unknown as Head["parent"],
    root: "another",
    schedule: { id: "s" } as unknown as Head["schedule"],
    search_keys: { k: "" },
    open_inputs: { through: 1, since: null, open: [] },
    user: "ada",
    trace: "t",
    extensions: {},
    closed_at: 0,
    deadline: 9,
    limit_ms: 1,
    cost: { worker_calls: 1, tasks: 1, write_units: null, read_units: null, commits: 1, bytes_written: 1 },
  };
}

const columnsOf = (head: Head): Row => ({
  ws: head.workspace,
  execution: head.execution,
  run: head.run,
  chain: head.chain,
  status: head.status,
  deployment: head.deployment,
});

const rowOfHeads = (head: Head): Row => ({
  ...columnsOf(head),
  due_at: head.due_at,
  wake_pending: head.wake_pending ? 1 : 0,
  fence: head.fence,
  effects_done_through: head.effects_done_through,
  owner: head.owner,
  deadline: head.deadline,
  body: textOf(head).body,
});

const rowOfRuns = (head: Head): Row => ({
  ...columnsOf(head),
  search_keys: JSON.stringify(head.search_keys),
  body: textOf(head).whole,
});

const falsy = (): Head => ({ ...newHead(newRef(), 1), result: "", input: 0, failure: "", user: "", display_name: "" });

test.each([
  ["whose fields all have their usual values", () => newHead(newRef(), 1)],
  ["whose fields all have other values", unusual],
  ["with values that only look like none", falsy],
])("HEADROW-1: a head %s is read as it was written", (_, make) => {
  const head = make();
  expect(headOf(rowOfHeads(head))).toEqual(head);
  expect(headOfRun(rowOfRuns(head))).toEqual(head);
});

test("HEADROW-1: a row that has all fields, as formats before 6 wrote it, is read as it is", () => {
  const head = unusual();
  const { status: _s, run: _r, chain: _c, due_at: _d, wake_pending: _w, fence: _f, owner: _o, ...rest } = head;
  expect(headOf({ ...rowOfHeads(head), body: JSON.stringify(rest) })).toEqual(head);
  expect(headOfRun({ ...rowOfRuns(head), body: JSON.stringify(head) })).toEqual(head);
});

test("HEADROW-1: the rows of a run without much input and result fit into the pages of their tables", async () => {
  const store = embedded();
  const head: Head = { ...newHead(newRef(), 1), registration: store.uuid(), owner: store.uuid(), user: "ada" };
  await store.executions.create(head, []);
  const event = { kind: "execution_completed", id: 2, at: head.started_at, result: { n: 1 } } as const;
  const next: Head = { ...head, status: "COMPLETED", result: { n: 1 }, closed_at: head.started_at, due_at: null };
  const batch = { first: startedOf(head).id + 1, events: [event], append_id: store.uuid() };
  expect(await store.executions.close(head, { run: head.run, fence: null, batch, next })).toEqual({ kind: "closed" });
  for (const table of ["heads", "runs"]) {
    const row = store.database.one(`SELECT * FROM ${table}`)!;
    const bytes = Object.values(row).reduce<number>((sum, value) => sum + 2 + String(value ?? "").length, 0);
    expect([table, bytes < 1_002]).toEqual([table, true]);
  }
  store.close();
});
