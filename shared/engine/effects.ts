/** Performing the effects of batches (R8): after the write that decided them, each idempotent by its key. */
import { type Effect, effectsOf, openEffects, outlivesRun } from "../core/effects.ts";
import type { Ports, Ref } from "../ports.ts";
import type { Head } from "../protocol/head.ts";
import type { Batch, Failure } from "../protocol/history.ts";
import { messageId } from "../protocol/messages.ts";
import { send } from "./send.ts";
import { start } from "./start.ts";

type Of = Pick<Head, "workspace" | "execution" | "deployment" | "workflow" | "run" | "chain" | "root" | "user">;

export async function performEffects(ports: Ports, of: Of, batches: readonly Pick<Batch, "events">[]): Promise<void> {
  for (const effect of openEffects(of, batches)) await perform(ports, of, effect);
}

/** Those of a closing batch. */
export async function performLastEffects(ports: Ports, of: Of, batch: Pick<Batch, "events">): Promise<void> {
  for (const effect of effectsOf(of, batch).filter(outlivesRun)) await perform(ports, of, effect);
}

/** The head of a child, if the id belongs to that child of that run and not to somebody else by now. */
export async function ownChild(ports: Ports, ref: Ref, parent: { run: string; child: number }): Promise<Head | null> {
  const head = await ports.executions.head(ref);
  return head?.parent?.run === parent.run && head.parent.child === parent.child ? head : null;
}

async function perform(ports: Ports, of: Of, effect: Effect): Promise<void> {
  const { workspace, deployment, run } = of;
  switch (effect.kind) {
    case "queue_activity":
      return ports.tasks.send({ workspace, deployment, queue: "activity" }, effect.task, { key: effect.key });
    case "cancel_activity":
      return ports.activities.requestCancel(of, run, effect.activity);
    case "set_search_keys":
      return setSearchKeys(ports, of, effect);
    case "cancel_child": {
      const ref = { workspace, execution: effect.execution };
      const child = await ownChild(ports, ref, { run, child: effect.child });
      if (!child) return;
      const id = messageId.cancel(`${run}-${effect.child}`);
      const reason = "its parent asked for it";
      await send(ports, ref, { id, kind: "cancel", reason, sent_at: ports.clock.now() }, child.chain);
      return;
    }
    case "start_child":
      return startChild(ports, of, effect.event);
  }
}

const LIMITS = { keys: 20, keyLength: 256, valueLength: 8192 };

type SetKeys = Extract<Effect, { kind: "set_search_keys" }>;

async function setSearchKeys(ports: Ports, of: Of, effect: SetKeys) {
  const head = await ports.executions.run(of.workspace, of.run);
  if (head) await ports.executions.setSearchKeys(of, of.run, withKeys(head.search_keys, effect));
}

/** The search keys after a change; what is over a limit is cut or left out. */
export function withKeys(before: Record<string, string>, effect: SetKeys): Record<string, string> {
  const keys = { ...before };
  for (const key of effect.remove) delete keys[key];
  for (const [key, value] of Object.entries(effect.set)) {
    if (key.length <= LIMITS.keyLength) keys[key] = value.slice(0, LIMITS.valueLength);
  }
  return Object.fromEntries(Object.entries(keys).slice(0, LIMITS.keys));
}

async function startChild(ports: Ports, of: Of, event: Extract<Effect, { kind: "start_child" }>["event"]) {
  const { workspace, deployment } = of;
  const parent = { execution: of.execution, chain: of.chain, run: of.run, child: event.child };
  const refuse = async (failure: Failure) => {
    const id = messageId.child(of.run, event.child);
    const outcome = { kind: "failed", status: "START_FAILED", failure } as const;
    const message = {
      id,
      kind: "child",
      run: of.run,
      child: event.child,
      outcome,
      sent_at: ports.clock.now(),
    } as const;
    await send(ports, { workspace, execution: of.execution }, message, of.chain);
  };
  const [registration] = await ports.registry.registrations(workspace, { workflow: event.workflow, deployment });
  if (!registration) {
    const message = `workflow '${event.workflow}' is not registered by deployment '${deployment}', which children stay in`;
    return refuse({ type: "ChildError", message, non_retryable: true });
  }
  const limit = registration.definition.execution_timeout;
  const started = await start(ports, {
    workspace,
    execution: event.execution,
    workflow: event.workflow,
    registration: registration.id,
    deployment,
    input: event.input,
    token: messageId.child(of.run, event.child),
    by: "parent",
    timeoutMs: event.timeout_ms ?? (limit === null ? null : limit * 1000),
    parent,
    root: of.root,
    user: of.user,
  });
  if (started.kind === "exists") {
    const message = `the id '${event.execution}' is taken by another execution, which is ${started.head.status}`;
    await refuse({ type: "ChildError", message, non_retryable: true });
  }
}
