/**
 * The outbox: effects of closing a run. The head carries them until the server has performed them (INV-6). After a crash
 * in between the head is still due, and the sweeper, the next claim or the next start performs them.
 */

import type { Ports } from "../ports.ts";
import type { Head, OutboxEntry } from "../protocol/head.ts";
import type { ChildOutcome } from "../protocol/messages.ts";
import { messageId } from "../protocol/messages.ts";
import { ChildFailureStatus } from "../protocol/status.ts";
import { ownChild, performLastEffects } from "./effects.ts";
import { forceClose } from "./force-close.ts";
import { send } from "./send.ts";

/**
 * Performs the entries in order, then clears only these: a slow flush of a running head must not clear the entries that
 * its close has written since (interleaving "clearing the outbox of another close").
 */
export async function flushOutbox(ports: Ports, head: Head): Promise<void> {
  await performOutbox(ports, head);
  await ports.executions.clearOutbox(head, head);
}

/** Leaves the entries where they are. */
export async function performOutbox(ports: Ports, head: Head): Promise<void> {
  for (const entry of head.outbox) {
    await perform(ports, head, entry);
    await ports.pause?.();
  }
}

async function perform(ports: Ports, head: Head, entry: OutboxEntry): Promise<void> {
  const { workspace } = head;
  const sent_at = ports.clock.now();
  switch (entry.kind) {
    case "effects": {
      const of = await ports.executions.run(workspace, entry.run);
      const last = await ports.executions.batches(head, entry.run, entry.first - 1);
      if (of) await performLastEffects(ports, of, last, flushOutbox);
      return;
    }
    case "tell_parent": {
      const { parent, outcome } = entry;
      const id = messageId.child(parent.run, parent.child);
      const message = { id, kind: "child", run: parent.run, child: parent.child, outcome, sent_at } as const;
      await send(ports, { workspace, execution: parent.execution }, message, parent.chain);
      return;
    }
    case "terminate_child":
    case "cancel_child": {
      const ref = { workspace, execution: entry.execution };
      const child = await ownChild(ports, ref, { runs: [entry.parent_run], child: entry.child });
      if (!child) return;
      const reason = `its parent '${head.execution}' closed`;
      if (entry.kind === "terminate_child") {
        const ended = await forceClose(ports, ref, { kind: "terminated", reason }, child.chain);
        const left = ended.head?.chain === child.chain && ended.head.status !== "RUNNING" ? ended.head : null;
        if (left && left.outbox.length > 0) await flushOutbox(ports, left);
      } else {
        const id = messageId.cancel(`${entry.parent_run}-${entry.child}-closed`);
        await send(ports, ref, { id, kind: "cancel", reason, sent_at }, child.chain);
      }
      return;
    }
    case "ask_child": {
      const { execution, parent_run: run, child } = entry;
      const found = await ownChild(ports, { workspace, execution }, { runs: [run], child });
      if (found?.status === "RUNNING") return; // it tells when it closes
      const id = messageId.child(run, child);
      const outcome = outcomeOf(execution, found);
      await send(ports, head, { id, kind: "child", run, child, outcome, sent_at }, head.chain);
      return;
    }
    case "tell_schedule":
      await ports.scheduleClosed?.(head, entry);
      return;
  }
}

/** The outcome of a child that has closed. `null`: its id belongs to another execution, or retention has deleted it. */
function outcomeOf(execution: string, child: Head | null): ChildOutcome {
  if (child?.status === "COMPLETED") return { kind: "completed", result: child.result };
  const known = ChildFailureStatus.safeParse(child?.status);
  const status = known.success ? known.data : "TERMINATED";
  const message = child
    ? (child.failure ?? status)
    : `the child '${execution}' no longer exists, so its outcome is unknown`;
  return { kind: "failed", status, failure: { type: "ChildError", message } };
}
