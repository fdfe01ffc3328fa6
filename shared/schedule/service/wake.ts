/** What calls a schedule up from outside: its time, the end of an execution it started, a restart. */
import type { Ports, ScheduleKey } from "../../ports.ts";
import type { Head, OutboxEntry } from "../../protocol/head.ts";
import type { Millis } from "../../protocol/history.ts";
import { outstandingEffects, runClosed, wake } from "../rules/index.ts";
import { change, takeOver } from "./change.ts";

/**
 * Its time has come, or may have: early, late, twice and for nothing are all harmless. Answers when it must be woken next,
 * null: not before something else happens.
 */
export async function wakeSchedule(ports: Ports, key: ScheduleKey): Promise<Millis | null> {
  const changed = await change(ports, key, wake, { rearm: true });
  return changed.kind === "changed" ? changed.wakeAt : null;
}

/** An execution that the schedule started has closed. */
export async function scheduleClosed(
  ports: Ports,
  head: Pick<Head, "workspace" | "execution">,
  told: Extract<OutboxEntry, { kind: "tell_schedule" }>,
): Promise<void> {
  const { status, failure } = told;
  if (status === "RUNNING" || status === "CONTINUED_AS_NEW") return; // not an end
  const key = { workspace: head.workspace, schedule: told.schedule };
  await change(ports, key, (state, now) => runClosed(state, now, { execution_id: head.execution, status, failure }));
}

/** No effect waits longer than this for its next attempt. */
const LONGEST_GUARD_MS = 60_000;

/** After a restart: whatever a schedule had decided and nobody confirmed is done now, not when it is due again. */
export async function recover(ports: Ports, limit = 10_000): Promise<void> {
  for (const key of await ports.schedules.due(ports.clock.now() + LONGEST_GUARD_MS, limit)) {
    await takeOver(ports, key, outstandingEffects);
  }
}
