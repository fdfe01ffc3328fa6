/** Signals and updates that the run has taken in, as they came, and what became of each. */
import type { HistoryEvent } from "../../../../shared/protocol/history.ts";
import type { HistoryStore } from "../../history/store.ts";
import { Tag, type Tone } from "../../ui/status.tsx";
import { visible } from "../../ui/text.tsx";
import { Time } from "../../ui/time.tsx";
import { Value } from "./details.tsx";

type Taken = Extract<
  HistoryEvent,
  { kind: "signal_received" | "update_accepted" | "update_rejected" | "cancel_requested" }
>;
const isTaken = (event: HistoryEvent): event is Taken =>
  ["signal_received", "update_accepted", "update_rejected", "cancel_requested"].includes(event.kind);

export function Messages({ store, run }: { store: HistoryStore; run: string }) {
  const events = store.all();
  const answers = new Map(
    events
      .filter((event) => event.kind === "update_completed" || event.kind === "update_failed")
      .map((event) => [event.message, event]),
  );
  const taken = events.filter(isTaken).reverse();
  return (
    <div className="space-y-3">
      {!store.isWhole && (
        <p className="text-sm text-soft">Only the part of the history that has been read is searched.</p>
      )}
      {taken.length === 0 && <p className="text-sm text-soft">It has taken in no message.</p>}
      <ul className="space-y-3">
        {taken.map((event) => {
          const answer = answers.get(event.message);
          const [tone, word] = outcomeOf(event, answer?.kind);
          return (
            <li key={event.id} className="space-y-2 rounded-lg border border-line bg-panel p-3">
              <p className="flex flex-wrap items-center gap-2 text-sm">
                <Tag tone={tone}>{word}</Tag>
                <strong>{"name" in event ? visible(event.name) : "cancel"}</strong>
                <Time at={event.at} />
              </p>
              {event.kind === "signal_received" && event.ignored !== undefined && (
                <p className="text-sm text-warn">Ignored: {visible(event.ignored)}</p>
              )}
              {"input" in event && (
                <Value event={event} name="input" run={run} label={`Input of message ${event.id}`} />
              )}
              {answer?.kind === "update_completed" && (
                <Value event={answer} name="result" run={run} label={`Answer to message ${event.id}`} />
              )}
              {answer?.kind === "update_failed" && (
                <p className="text-sm text-bad">{visible(answer.failure.message)}</p>
              )}
              {event.kind === "update_rejected" && <p className="text-sm text-bad">{visible(event.failure.message)}</p>}
            </li>
          );
        })}
      </ul>
    </div>
  );
}

function outcomeOf(event: Taken, answer: string | undefined): readonly [Tone, string] {
  if (event.kind === "signal_received")
    return event.ignored === undefined ? ["good", "signal"] : ["warn", "signal, ignored"];
  if (event.kind === "cancel_requested") return ["warn", "cancel request"];
  if (event.kind === "update_rejected") return ["bad", "update, refused"];
  if (answer === "update_completed") return ["good", "update, answered"];
  return answer === "update_failed" ? ["bad", "update, failed"] : ["running", "update, open"];
}
