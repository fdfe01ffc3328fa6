/** The events outside a schedule that change it: its due time, the close of an execution that it started, a restart. */
import type { Ports, ScheduleKey } from "../../ports.ts";
import type { Head, OutboxEntry } from "../../protocol/head.ts";
import type { Millis } from "../../protocol/history.ts";
import { LONGEST_RETRY_MS, runClosed, wake } from "../rules/index.ts";
import { change, recoverOutbox } from "./transaction.ts";

/**
 * The due time of the schedule has come, or may have come: a wake-up that is early, late, doubled or needless does no harm.
 * Answers the time of the next wake-up, null if only another event can give the schedule something to do.
 */
export async function wakeSchedule(ports: Ports, key: ScheduleKey): Promise<Millis | null> {
  const changed = await change(ports, key, wake, { rearm: true });
  return changed.kind === "changed" ? changed.wakeAt : null;
}

/** An execution that the schedule started has closed. */
export async function scheduleClosed(
  ports: Ports,
  head: Pick<Head, "workspace" | "execution">,
  entry: Extract<OutboxEntry, { kind: "tell_schedule" }>,
): Promise<void> {
  const { status, failure } = entry;
  if (status === "RUNNING" || status === "CONTINUED_AS_NEW") return; // the execution goes on
  const key = { workspace: head.workspace, schedule: entry.schedule };
  await change(ports, key, (state, now) => runClosed(state, now, { execution_id: head.execution, status, failure }));
}

/**
 * After a restart: performs the effects that the last process committed and did not confirm, without waiting until their
 * schedules are due again. An outbox entry makes its schedule due within `LONGEST_RETRY_MS`, so `due` finds all of them.
 */
export async function recover(ports: Ports, limit = 10_000): Promise<void> {
  for (const key of await ports.schedules.due(ports.clock.now() + LONGEST_RETRY_MS, limit)) {
    await recoverOutbox(ports, key);
  }
}
