/**
 * **start** — 1 `put HEAD {running, due_at = now + ring, rung, turn = old + 1, new run and chain}` if absent or (client
 * starts only) if final with nothing owed and of another token; children and schedules: if absent only. The same start
 * token is the same start, also when the request comes again after the execution has closed.
 * 2 ring. A crash after 1: the sweeper rings. (PROTOCOL-9)
 */

import type { Ports, Ref } from "../ports.ts";
import type { Head } from "../protocol/head.ts";
import type { Millis, ParentRef, ScheduleRef } from "../protocol/history.ts";
import { enqueueWorkflowTask } from "./enqueue.ts";
import { flushOutbox } from "./outbox.ts";

export interface StartRequest extends Ref {
  readonly workflow: string;
  readonly registration: string | null;
  readonly deployment: string;
  readonly input: unknown;
  /** Two requests with one token are one start. */
  readonly token: string;
  /** A client may use the id of a closed execution again; a parent or a schedule may not. */
  readonly by: "client" | "parent" | "schedule";
  /** Limit on the whole chain, ms; null = none. */
  readonly timeoutMs: Millis | null;
  readonly parent?: ParentRef;
  readonly root?: string;
  readonly schedule?: ScheduleRef;
  readonly searchKeys?: Record<string, string>;
  readonly user?: string | null;
  readonly extensions?: Record<string, unknown> | null;
}

export type StartResult = { kind: "started"; head: Head } | { kind: "exists"; head: Head };

export async function start(ports: Ports, request: StartRequest): Promise<StartResult> {
  const now = ports.clock.now();
  const run = ports.uuid();
  const head: Head = {
    workspace: request.workspace,
    execution: request.execution,
    workflow: request.workflow,
    registration: request.registration,
    deployment: request.deployment,
    status: "RUNNING",
    run,
    chain: ports.uuid(),
    first_run: run,
    continued_from: null,
    attempt: 1,
    due_at: now + ports.settings.wakeTimeoutMs,
    wake_pending: true,
    fence: 1,
    effects_done_through: 1,
    owner: null,
    outbox: [],
    token: request.token,
    input: (request.input ?? null) as Head["input"],
    result: null,
    failure: null,
    carried: [],
    parent: request.parent ?? null,
    root: request.root ?? request.execution,
    schedule: request.schedule ?? null,
    search_keys: request.searchKeys ?? {},
    user: request.user ?? null,
    extensions: (request.extensions ?? null) as Head["extensions"],
    started_at: now,
    closed_at: null,
    deadline: request.timeoutMs === null ? null : now + request.timeoutMs,
  };
  const overFinal = request.by === "client";
  for (;;) {
    const put = await ports.executions.create(head, overFinal);
    if (put.kind === "created") {
      await enqueueWorkflowTask(ports, head);
      return { kind: "started", head };
    }
    const found = put.head;
    if (found.token === request.token) {
      if (found.wake_pending) await enqueueWorkflowTask(ports, found); // the first request may have died before it rang
      return { kind: "started", head: found };
    }
    if (!overFinal || found.status === "RUNNING" || found.due_at === null) return { kind: "exists", head: found };
    await flushOutbox(ports, found); // it is final and owes effects: do them, then start
  }
}
