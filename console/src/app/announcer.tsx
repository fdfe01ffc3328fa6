/**
 * Tells screen readers which executions have failed, wherever the person is in the console. Failures come in bursts, and a
 * reader that is spoken to all the time is of no use: so it speaks once in `PAUSE_MS` at most, of all that failed meanwhile.
 */
import { useCallback, useEffect, useRef, useState } from "react";
import type { StreamEventPayload } from "../../../shared/protocol/http/events.ts";
import { useLiveEvents } from "../live/index.tsx";

const PAUSE_MS = 5_000;
const NAMED = 3;

/** Exported for its test. */
export function wordsOf(failed: readonly string[]): string {
  if (failed.length === 1) return `Execution ${failed[0]} has failed.`;
  const named = failed.slice(0, NAMED).join(", ");
  const rest = failed.length > NAMED ? `, and ${failed.length - NAMED} more` : "";
  return `${failed.length} executions have failed: ${named}${rest}.`;
}

export function Announcer() {
  const [words, setWords] = useState("");
  const waiting = useRef<string[]>([]);
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const speak = useCallback(() => {
    timer.current = undefined;
    const failed = waiting.current.splice(0);
    if (failed.length === 0) return;
    setWords(wordsOf(failed));
    timer.current = setTimeout(speak, PAUSE_MS);
  }, []);
  useEffect(() => () => clearTimeout(timer.current), []);
  useLiveEvents(
    useCallback(
      ({ data }: StreamEventPayload) => {
        if (data.event_type !== "WORKFLOW_EXECUTION_FAILED") return;
        waiting.current.push(data.workflow_exec_id);
        if (timer.current === undefined) speak();
      },
      [speak],
    ),
  );
  return (
    <p role="status" aria-live="polite" aria-label="Failures" data-testid="failures-said" className="sr-only">
      {words}
    </p>
  );
}
