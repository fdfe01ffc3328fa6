/** What a question to a person shows: read from the event with which `waitForInput` began it. */
import type { HistoryEvent, Millis } from "../protocol/history.ts";
import { type InputEvent, isInputEvent } from "./human-inputs.ts";

const shownBy = ({ attributes }: InputEvent): Record<string, unknown> => {
  const shown = (attributes.payload as { value?: unknown } | undefined)?.value;
  return typeof shown === "object" && shown !== null ? (shown as Record<string, unknown>) : {};
};
/** The label of a question; null: it has none, or a codec has encoded it. */
export function labelOf(event: InputEvent): string | null {
  const { label } = shownBy(event);
  return typeof label === "string" ? label : null;
}

export interface Question {
  readonly task: string;
  readonly event: number;
  readonly label: string | null;
  /** The JSON schema of the answer; null: a codec has encoded it. */
  readonly schema: Record<string, unknown> | null;
  readonly since: Millis;
  /** When the timer fires that began with the question; null: none did. */
  readonly until: Millis | null;
}

/** The question that begins with event `id`; null: none does. `events`: of its batch. */
export function questionAt(events: readonly HistoryEvent[], id: number): Question | null {
  const i = events.findIndex((event) => event.id === id);
  const event = events[i];
  if (!event || !isInputEvent(event) || event.event !== "started") return null;
  const { input_schema } = shownBy(event);
  // `waitForInput` decides on the timer of its time limit right after the question; the first question sets a search key.
  const next = events.slice(i + 1).find(({ kind }) => kind !== "search_keys_set");
  return {
    task: event.task,
    event: id,
    label: labelOf(event),
    schema:
      typeof input_schema === "object" && input_schema !== null ? (input_schema as Record<string, unknown>) : null,
    since: event.at,
    until: next?.kind === "timer_started" ? next.fire_at : null,
  };
}
