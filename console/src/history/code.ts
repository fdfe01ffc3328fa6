/** Which code has decided in a run, and of which kind its failure is. */
import { fingerprintOf, toldOf } from "../../../shared/protocol/failure-kind.ts";
import type { HistoryEvent, Millis } from "../../../shared/protocol/history.ts";

interface Decider {
  /** Of the workflow definition. */
  readonly hash: string;
  /** From this event on. */
  readonly event: number;
  readonly at: Millis;
}

/** An event names the definition where it is another one than before. */
export const decidersOf = (events: readonly HistoryEvent[]): readonly Decider[] =>
  events.flatMap(({ code, id, at }) => (code === undefined ? [] : [{ hash: code, event: id, at }]));

interface Run {
  readonly workflow: string;
  readonly deployment: string;
}

/** The fingerprint of the failure with which a run has ended; null: it has not failed. */
export function failureKind({ workflow, deployment }: Run, last: HistoryEvent | undefined): string | null {
  if (last?.kind !== "execution_failed" && last?.kind !== "execution_timed_out") return null;
  const status = last.kind === "execution_failed" ? "FAILED" : "TIMED_OUT";
  return fingerprintOf({ workflow, deployment, status, ...toldOf(last) });
}
