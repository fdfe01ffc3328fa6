/** The events outside a schedule that change it: its due time, the close of an execution that it started, a restart. */
import { type Ports, type ScheduleKey, UnreadableSchedule } from "../../ports.ts";
import type { Head, OutboxEntry } from "../../protocol/head.ts";
import type { Millis } from "../../protocol/history.ts";
import { runClosed, wake } from "../rules/index.ts";
import { change, recoverOutbox } from "./transaction.ts";

/**
 * The due time of the schedule has come, or may have come: a wake-up that is early, late, doubled or needless does no harm.
 * Answers the time of the next wake-up, null if only another event can give the schedule something to do.
 */
export async function wakeSchedule(ports: Ports, key: ScheduleKey): Promise<Millis | null> {
  try {
    const changed = await change(ports, key, wake, { rearm: true });
    return changed.kind === "changed" ? changed.wakeAt : null;
  } catch (error) {
    if (!(error instanceof UnreadableSchedule)) throw error;
    // Waking it again would find the same. Lists and, until a restart, /health show it.
    await ports.schedules.clearWakeAt(key);
    ports.setAside?.add(nameSetAside(key), "until restart");
    ports.log.error("schedule: it cannot be read, so it is set aside and starts nothing", { ...key, error });
    return null;
  }
}

export const nameSetAside = ({ workspace, schedule }: ScheduleKey): string => `schedule ${workspace}/${schedule}`;

/** An execution that the schedule started has closed. */
export async function scheduleClosed(
  ports: Ports,
  head: Pick<Head, "workspace" | "execution">,
  entry: Extract<OutboxEntry, { kind: "tell_schedule" }>,
): Promise<void> {
  const { status, failure } = entry;
  if (status === "RUNNING" || status === "CONTINUED_AS_NEW") return; // the execution goes on
  const key = { workspace: head.workspace, schedule: entry.schedule };
  try {
    await change(ports, key, (state, now) => runClosed(state, now, { execution_id: head.execution, status, failure }));
  } catch (error) {
    if (!(error instanceof UnreadableSchedule)) throw error;
    const execution = head.execution;
    ports.log.error("schedule: it cannot be read, so it is not told that its run has closed", { ...key, execution });
  }
}

/**
 * Performs effects that were committed and have no result, without waiting until their schedules are due again: after a restart,
 * and after the clock was set back. One schedule that fails does not keep the others from it.
 */
export async function recover(ports: Ports, keys: readonly ScheduleKey[]): Promise<void> {
  for (const key of keys) {
    try {
      await recoverOutbox(ports, key);
    } catch (error) {
      ports.log.error("schedule: could not perform its pending effects", { ...key, error });
    }
  }
}
