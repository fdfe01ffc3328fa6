/**
 * Heads as the rows of `heads` and `runs` have them.
 *
 * HEADROW-1. The JSON of a row leaves out what its columns have, and each field that has its usual value. Readers add them. So
 *     most rows fit into the page of their table: a row of more than 1,002 bytes takes a page of its own, which each commit that
 *     writes the row writes too, with the list of free pages. Rows of formats before 6 have all fields, and are read as they are.
 */
import { storedFields, storedHead } from "../lib/stored.ts";
import type { Head } from "../protocol/head.ts";
import { parse, type Row } from "./database.ts";

/** The JSON of a head: `body` as `heads` has it, and `whole`, as `runs` has it: with the columns that `runs` lacks. */
export interface HeadText {
  readonly body: string;
  readonly whole: string;
}

/** Both from one walk through what the head carries, such as the input of the run. */
export function textOf(head: Head): HeadText {
  const { due_at, wake_pending, fence, effects_done_through, owner, deadline } = head;
  const body = JSON.stringify(withoutUsual(head));
  const columns = JSON.stringify({ due_at, wake_pending, fence, effects_done_through, owner, deadline });
  return { body, whole: `${columns.slice(0, -1)},${body.slice(1)}` };
}

const orAbsent = <T>(value: T | null): T | undefined => value ?? undefined;
const unless = <T>(usual: T, value: T): T | undefined => (value === usual ? undefined : value);
const hasFields = (of: object): boolean => {
  for (const _ in of) return true;
  return false;
};
const unlessEmpty = <T>(values: readonly T[]): readonly T[] | undefined => (values.length === 0 ? undefined : values);

/** What the columns of both tables have, and those of `heads` alone. */
type OfBoth = "workspace" | "execution" | "status" | "run" | "chain" | "deployment";
type OfHeads = "due_at" | "wake_pending" | "fence" | "effects_done_through" | "owner" | "deadline";

/** Written out, because a copy of a head without some fields takes longer than its JSON. `JSON.stringify` leaves out what is undefined. */
function withoutUsual(head: Head): Record<Exclude<keyof Head, OfBoth | OfHeads>, unknown> {
  return {
    workflow: head.workflow,
    registration: head.registration,
    deployment_named: head.deployment_named,
    root_chain: unless(head.chain, head.root_chain),
    display_name: orAbsent(head.display_name),
    first_run: unless(head.run, head.first_run),
    continued_from: orAbsent(head.continued_from),
    attempt: unless(1, head.attempt),
    outbox: unlessEmpty(head.outbox),
    token: unless(head.run, head.token),
    input: head.input,
    result: orAbsent(head.result),
    failure: orAbsent(head.failure),
    carried: unlessEmpty(head.carried),
    paced_until: orAbsent(head.paced_until),
    parent: orAbsent(head.parent),
    root: unless(head.execution, head.root),
    schedule: orAbsent(head.schedule),
    search_keys: hasFields(head.search_keys) ? head.search_keys : undefined,
    open_inputs: head.open_inputs,
    user: orAbsent(head.user),
    trace: head.trace,
    extensions: orAbsent(head.extensions),
    started_at: head.started_at,
    closed_at: orAbsent(head.closed_at),
    reset: head.reset,
    limit_ms: head.limit_ms,
    cost: head.cost,
  };
}

/** `row`: has the columns that both tables have. `stored`: its JSON. */
function withUsual(row: Row, stored: Partial<Head>): Partial<Head> {
  const { ws: workspace, execution, run, chain, deployment } = row as Record<string, string>;
  return {
    ...USUAL,
    outbox: [],
    carried: [],
    search_keys: {},
    first_run: run!,
    token: run!,
    root_chain: chain!,
    root: execution!,
    ...stored,
    workspace: workspace!,
    execution: execution!,
    run: run!,
    chain: chain!,
    deployment: deployment!,
    status: row.status as Head["status"],
  };
}

const USUAL = {
  display_name: null,
  continued_from: null,
  attempt: 1,
  result: null,
  failure: null,
  paced_until: null,
  parent: null,
  schedule: null,
  user: null,
  extensions: null,
  closed_at: null,
};

/** `row`: a whole row of `heads`. @throws Unreadable */
export const headOf = (row: Row): Head =>
  checked(withUsual(row, storedFields(String(row.body))), {
    due_at: row.due_at as number | null,
    wake_pending: row.wake_pending === 1,
    fence: row.fence as number,
    effects_done_through: row.effects_done_through as number,
    owner: row.owner as string | null,
    deadline: row.deadline as number | null,
  });

/** What `headOfRun` reads of a row of `runs`. */
export const RUN_COLUMNS = "run, ws, execution, chain, deployment, status, search_keys, body";

/** The head with which the run began, or that its close has left, with its present search keys. @throws Unreadable */
export const headOfRun = (row: Row): Head =>
  checked(withUsual(row, storedFields(String(row.body))), {
    search_keys: parse<Record<string, string>>(row.search_keys),
  });

const checked = (stored: Partial<Head>, columns: Partial<Head>): Head =>
  storedHead(Object.assign(stored, columns) as Head);
