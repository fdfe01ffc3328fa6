/**
 * Effects of closing a run. They stand in the head until they are performed (INV-6): a crash in between leaves the head
 * due, and the sweeper, or the next claim or start, performs them.
 */

import type { Ports } from "../ports.ts";
import type { Head, OutboxEntry } from "../protocol/head.ts";
import { messageId } from "../protocol/messages.ts";
import { ownChild, performLastEffects } from "./effects.ts";
import { send } from "./send.ts";
import { terminate } from "./terminate.ts";

export async function flushOutbox(ports: Ports, head: Head): Promise<void> {
  for (const outbox of head.outbox) await perform(ports, head, outbox);
  await ports.executions.clearOutbox(head, head);
}

async function perform(ports: Ports, head: Head, outbox: OutboxEntry): Promise<void> {
  const { workspace } = head;
  const sent_at = ports.clock.now();
  switch (outbox.kind) {
    case "effects": {
      const of = await ports.executions.run(workspace, outbox.run);
      const last = await ports.executions.batches(head, outbox.run, outbox.first - 1);
      if (of) await performLastEffects(ports, of, last);
      return;
    }
    case "tell_parent": {
      const { parent, outcome } = outbox;
      const id = messageId.child(parent.run, parent.child);
      const message = { id, kind: "child", run: parent.run, child: parent.child, outcome, sent_at } as const;
      await send(ports, { workspace, execution: parent.execution }, message, parent.chain);
      return;
    }
    case "terminate_child":
    case "cancel_child": {
      const ref = { workspace, execution: outbox.execution };
      const child = await ownChild(ports, ref, { run: outbox.parent_run, child: outbox.child });
      if (!child) return; // not ours to end
      const reason = `its parent '${head.execution}' closed`;
      if (outbox.kind === "terminate_child") await terminate(ports, ref, { kind: "terminated", reason }, child.chain);
      else {
        const id = messageId.cancel(`${outbox.parent_run}-${outbox.child}-closed`);
        await send(ports, ref, { id, kind: "cancel", reason, sent_at }, child.chain);
      }
      return;
    }
    case "tell_schedule":
      await ports.scheduleClosed?.(head, outbox);
      return;
  }
}
