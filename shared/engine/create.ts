/**
 * The first half of **start**: `put HEAD {running, due_at = now + wake timeout, wake_pending, fence = old + 1, new run and
 * chain}` if there is no head. A client's start also replaces a final head whose status its reuse policy allows, if that head
 * is not due and has another token. Then `create` enqueues a workflow task. A crash in between: the sweeper enqueues it.
 * (PROTOCOL-9)
 *
 * The same start token is the same start, also when the request arrives again after the execution has closed
 * (interleaving "a start repeated after the end"), or after another start has used its id: then its run is there already.
 */

import type { Ports, Ref } from "../ports.ts";
import type { Head } from "../protocol/head.ts";
import type { Millis, ParentRef, ScheduleRef } from "../protocol/history.ts";
import type { IdReusePolicy } from "../protocol/http/executions.ts";
import { CLOSED_STATUSES, type ClosedStatus } from "../protocol/status.ts";
import { enqueueWorkflowTask } from "./enqueue.ts";

export interface StartRequest extends Ref {
  readonly workflow: string;
  readonly registration: string | null;
  readonly deployment: string;
  /** Whoever starts the execution has named the deployment: its continued runs stay there (CURRENT-1). */
  readonly deploymentNamed?: boolean | undefined;
  readonly input: unknown;
  /** Idempotency key: two requests with one token are one start. */
  readonly token: string;
  readonly by: "client" | "parent" | "schedule";
  /** Which ids a client may use again: none, those of executions that ended without a result, or those of all closed ones. Default all. */
  readonly reuse?: IdReusePolicy;
  /** The server has made the id, so most likely no execution has it. */
  readonly isNewId?: boolean;
  /** Id of the first run. Default: a new one. */
  readonly run?: string;
  /** Limit on the whole chain, ms; null = none. */
  readonly timeoutMs: Millis | null;
  readonly parent?: ParentRef;
  readonly root?: string;
  /** Default: the chain of its own. */
  readonly rootChain?: string;
  readonly displayName?: string | null | undefined;
  readonly schedule?: ScheduleRef;
  readonly searchKeys?: Record<string, string>;
  readonly user?: string | null;
  readonly extensions?: Record<string, unknown> | null;
  /** Trace of the caller, or of the parent. Default: the id of the trace is derived. */
  readonly trace?: string | undefined;
}

/** `deleted`: the execution that this very start had begun was deleted (DELETE-4). */
export type StartResult = { kind: "started"; head: Head } | { kind: "exists"; head: Head } | { kind: "deleted" };

/** The head that the request asks for. */
export function firstHead(ports: Ports, request: StartRequest): Head {
  const now = ports.clock.now();
  const run = request.run ?? ports.uuid();
  const chain = ports.uuid();
  return {
    workspace: request.workspace,
    execution: request.execution,
    workflow: request.workflow,
    registration: request.registration,
    deployment: request.deployment,
    status: "RUNNING",
    run,
    chain,
    root_chain: request.rootChain ?? chain,
    display_name: request.displayName ?? null,
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
    paced_until: null,
    parent: request.parent ?? null,
    root: request.root ?? request.execution,
    schedule: request.schedule ?? null,
    search_keys: request.searchKeys ?? {},
    user: request.user ?? null,
    extensions: (request.extensions ?? null) as Head["extensions"],
    started_at: now,
    closed_at: null,
    deadline: request.timeoutMs === null ? null : now + request.timeoutMs,
    ...(request.trace !== undefined && { trace: request.trace }),
    ...(request.deploymentNamed && { deployment_named: true }),
  };
}

/** Statuses of the final heads over which the request may start. A parent and a schedule start over none. */
export function givingWay({ by, reuse = "allow" }: Pick<StartRequest, "by" | "reuse">): readonly ClosedStatus[] {
  if (by !== "client" || reuse === "reject") return [];
  return reuse === "allow" ? CLOSED_STATUSES : CLOSED_STATUSES.filter((status) => status !== "COMPLETED");
}

/** As `create`, for an id that no execution has. Null: one has it, or `create` must look. */
export async function createNew(ports: Ports, head: Head): Promise<StartResult | null> {
  if (!(await ports.executions.createNew?.(head))) return null;
  await enqueueWorkflowTask(ports, head, { isFirst: true });
  return { kind: "started", head };
}

/** One attempt. `exists`: another start has the id, or its final head is still due. `seen`: only over the head of this run. */
export async function create(
  ports: Ports,
  head: Head,
  over: readonly ClosedStatus[],
  seen?: string,
): Promise<StartResult> {
  const put = await ports.executions.create(head, over, seen);
  if (put.kind === "created") {
    await enqueueWorkflowTask(ports, head);
    return { kind: "started", head };
  }
  if (put.kind === "deleted") return put;
  const found = put.head;
  if (found.token !== head.token) return { kind: "exists", head: found };
  // The server of the first request may have died before it enqueued the task.
  if (found.status === "RUNNING" && found.wake_pending) await enqueueWorkflowTask(ports, found);
  return { kind: "started", head: found };
}
