/** Performs the effects of batches (PROTOCOL-8): after the write that decided them, each idempotent by its key. */
import { type Effect, openEffects, outlivesRun } from "../core/effects.ts";
import { withInputs } from "../core/human-inputs.ts";
import { searchKeysOf } from "../core/search-keys.ts";
import type { Ports, Ref, RegistrationRecord } from "../ports.ts";
import { cutText } from "../protocol/cut-text.ts";
import type { Head } from "../protocol/head.ts";
import type { Batch, Failure } from "../protocol/history.ts";
import { MAX_SEARCH_KEY, MAX_SEARCH_KEYS, MAX_SEARCH_VALUE } from "../protocol/limits.ts";
import { type Message, messageId } from "../protocol/messages.ts";
import { CLOSED_STATUSES } from "../protocol/status.ts";
import { create, firstHead } from "./create.ts";
import { forceClose } from "./force-close.ts";
import { send } from "./send.ts";

type Of = Pick<
  Head,
  | "workspace"
  | "execution"
  | "deployment"
  | "workflow"
  | "run"
  | "chain"
  | "root"
  | "root_chain"
  | "user"
  | "reset"
  | "trace"
  | "deployment_named"
>;

/**
 * How an execution learns that the server refused to start its child: `send` (message and wake-up), or `put` (message
 * only) inside a claim, which reads the inbox next. A wake-up there would raise the fence of the claiming worker itself,
 * and again at every claim.
 */
type TellSelf = "send" | "put";

/** `flushOutbox`, which performs effects itself: a parameter, because neither file can import the other. */
type Flush = (ports: Ports, head: Head) => Promise<void>;

/** `inbox`: the messages of a claim. Answers whether it put a message into the inbox of the execution itself. */
export async function performEffects(
  ports: Ports,
  of: Of,
  batches: readonly Pick<Batch, "events">[],
  { flush, inbox = null }: { flush: Flush; inbox?: readonly Message[] | null },
): Promise<boolean> {
  let toldSelf = false;
  for (const effect of openEffects(of, batches, inbox ?? [])) {
    if (await perform(ports, of, effect, { flush, tellSelf: inbox ? "put" : "send" })) toldSelf = true;
    await ports.pause?.();
  }
  return toldSelf;
}

/** The effects of the last batches of a closed run that are wanted although the run has ended. */
export async function performLastEffects(
  ports: Ports,
  of: Of,
  batches: readonly Pick<Batch, "events">[],
  flush: Flush,
): Promise<void> {
  for (const effect of openEffects(of, batches).filter(outlivesRun))
    await perform(ports, of, effect, { flush, tellSelf: "send" });
}

/** The head of a child; null where the id belongs to another execution by now. `runs`: of the parent. */
export async function ownChild(
  ports: Ports,
  ref: Ref,
  parent: { runs: readonly string[]; child: number },
): Promise<Head | null> {
  const head = await ports.executions.head(ref);
  if (!head?.parent || head.parent.child !== parent.child) return null;
  return parent.runs.includes(head.parent.run) ? head : null;
}

/** RESET-2: the run that a reset copied may have started the child of a run. */
export const childrenOf = ({ run, reset }: Pick<Head, "run" | "reset">): readonly string[] => [
  run,
  ...(reset?.origins ?? []).map((origin) => origin.run),
];

interface How {
  readonly flush: Flush;
  readonly tellSelf: TellSelf;
}

async function perform(ports: Ports, of: Of, effect: Effect, how: How): Promise<boolean> {
  const { workspace, deployment, run } = of;
  switch (effect.kind) {
    case "queue_activity":
      await ports.tasks.send({ workspace, deployment, queue: "activity" }, effect.task, {
        key: effect.key,
        prefer: effect.task.options.session ?? null,
      });
      return false;
    case "cancel_activity":
      await ports.activities.requestCancel({ ref: of, run, activity: effect.activity });
      return false;
    case "set_search_keys":
      await setSearchKeys(ports, of, effect);
      return false;
    case "note_inputs":
      await noteInputs(ports, of, effect);
      return false;
    case "cancel_child": {
      const ref = { workspace, execution: effect.execution };
      const child = await ownChild(ports, ref, { runs: childrenOf(of), child: effect.child });
      if (!child) return false;
      const id = messageId.cancel(`${run}-${effect.child}`);
      const reason = "its parent asked for it";
      await send(ports, ref, { id, kind: "cancel", reason, sent_at: ports.clock.now() }, child.chain);
      return false;
    }
    case "start_child":
      return startChild(ports, of, effect.event, how);
  }
}

/** INPUTS-1. After a refused write the head is read again: a later batch may have been counted, or the run has ended. */
async function noteInputs(ports: Ports, of: Of, { events }: Extract<Effect, { kind: "note_inputs" }>): Promise<void> {
  for (;;) {
    const head = await ports.executions.head(of);
    if (head?.run !== of.run || head.status !== "RUNNING") return;
    const seen = head.open_inputs;
    const next = withInputs(seen, events);
    if (!next || next === seen || (await ports.executions.setOpenInputs(of, of.run, { seen, next }))) return;
  }
}

type SetKeys = Extract<Effect, { kind: "set_search_keys" }>;

async function setSearchKeys(ports: Ports, of: Of, effect: SetKeys) {
  const head = await ports.executions.run(of.workspace, of.run);
  if (head) await ports.executions.setSearchKeys(of, of.run, withKeys(head.search_keys, effect));
}

/** The search keys after a change. Long values are cut; keys over a limit are left out. */
export function withKeys(before: Record<string, string>, effect: SetKeys): Record<string, string> {
  const keys = { ...before };
  for (const key of effect.remove) delete keys[key];
  for (const [key, value] of Object.entries(effect.set)) {
    if (key.length <= MAX_SEARCH_KEY) keys[key] = cutText(value, MAX_SEARCH_VALUE);
  }
  return Object.fromEntries(Object.entries(keys).slice(0, MAX_SEARCH_KEYS));
}

type StartChild = Extract<Effect, { kind: "start_child" }>["event"];

/** Answers true after it has refused the child and put the refusal into the parent's inbox. */
async function startChild(ports: Ports, of: Of, event: StartChild, { flush, tellSelf }: How): Promise<boolean> {
  const { workspace, deployment } = of;
  const parent = { execution: of.execution, chain: of.chain, run: of.run, child: event.child };
  const refuse = async (failure: Failure) => {
    const id = messageId.child(of.run, event.child);
    const outcome = { kind: "failed", status: "START_FAILED", failure } as const;
    const sent_at = ports.clock.now();
    const message = { id, kind: "child", run: of.run, child: event.child, outcome, sent_at } as const;
    const ref = { workspace, execution: of.execution };
    if (tellSelf === "put") await ports.executions.putMessage(ref, of.chain, message);
    else await send(ports, ref, message, of.chain);
    return true;
  };
  const registration = await registrationOfChild(ports, workspace, event.workflow, deployment);
  if (!registration) {
    const message = `workflow '${event.workflow}' is not registered by deployment '${deployment}', which children stay in`;
    return refuse({ type: "ChildError", message, non_retryable: true });
  }
  const limit = registration.definition.execution_timeout;
  const head = firstHead(ports, {
    workspace,
    execution: event.execution,
    workflow: event.workflow,
    registration: registration.id,
    deployment: registration.deployment,
    input: event.input,
    token: messageId.child(of.run, event.child),
    by: "parent",
    timeoutMs: event.timeout_ms ?? (limit === null ? null : Math.round(limit * 1000)),
    parent,
    root: of.root,
    rootChain: of.root_chain,
    displayName: registration.definition.display_name,
    searchKeys: searchKeysOf(registration.definition.search_keys, event.input),
    user: of.user,
    trace: of.trace,
    deploymentNamed: of.deployment_named,
  });
  const ref = { workspace, execution: event.execution };
  let started = await create(ports, head, []);
  while (started.kind === "exists" && (await isReplaced(ports, of, started.head))) {
    await giveWay(ports, ref, started.head, flush);
    started = await create(ports, head, CLOSED_STATUSES, started.head.run);
  }
  if (started.kind !== "exists") return false; // started, or deleted since: then it has told its outcome
  const message = `the id '${event.execution}' is taken by another execution, which is ${started.head.status}`;
  return refuse({ type: "ChildError", message, non_retryable: true });
}

/**
 * PINNED-4: a child stays in the deployment of its parent. Where that is a version that has not pinned the child's workflow, the child runs
 * in the deployment of which it is a version; where that is none, and the workflow is pinned, in the current version of it.
 */
async function registrationOfChild(
  ports: Ports,
  workspace: string,
  workflow: string,
  deployment: string,
): Promise<RegistrationRecord | null> {
  const { registry } = ports;
  const within = async (name: string) => (await registry.registrations(workspace, { workflow, deployment: name }))[0];
  const found = await within(deployment);
  if (!found) {
    const of = (await registry.deployment(workspace, deployment))?.version?.of;
    return (of !== undefined && (await within(of))) || null;
  }
  if (!found.definition.versioning) return found;
  const current = await registry.current(workspace, workflow);
  if (!current || current.deployment === deployment) return found;
  const version = (await registry.deployment(workspace, current.deployment))?.version;
  return (version?.of === deployment && (await within(current.deployment))) || found;
}

/**
 * Whether a run that a reset has replaced by this one had started the execution, after the point of the reset (RESET-2). Such
 * a child gives way, whether it runs or has closed: if it were refused while it runs, a server that performs the effect
 * again later would start the child after the refusal.
 */
async function isReplaced(ports: Ports, of: Of, { parent }: Head): Promise<boolean> {
  if (!of.reset || parent?.execution !== of.execution || parent.chain !== of.chain || parent.run === of.run)
    return false;
  for (let run = of.reset.from; run !== parent.run; ) {
    const before = await ports.executions.run(of.workspace, run);
    if (!before?.reset) return false;
    run = before.reset.from;
  }
  const origin = of.reset.origins.find(({ run }) => run === parent.run);
  if (!origin) return true;
  const events = (await ports.executions.batches(of, parent.run, 1)).flatMap((batch) => batch.events);
  const start = events.find((event) => event.kind === "child_scheduled" && event.child === parent.child);
  return start !== undefined && start.id > origin.through;
}

async function giveWay(ports: Ports, ref: Ref, found: Head, flush: Flush): Promise<void> {
  const reason = `the run of '${found.parent?.execution}' that started it was reset, and another takes its id`;
  const { head } = await forceClose(ports, ref, { kind: "terminated", reason }, found.chain);
  if (head && head.status !== "RUNNING" && head.due_at !== null) await flush(ports, head);
}
