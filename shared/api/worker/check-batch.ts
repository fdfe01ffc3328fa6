/**
 * Checks of a batch before it is written: payload sizes, times, events that only the server records, and public events that
 * clients could not read. The engine checks order and numbers of the events.
 */
import { searchKeyProblem } from "../../core/search-keys.ts";
import { cutText } from "../../protocol/cut-text.ts";
import type { Batch, HistoryEvent, Millis } from "../../protocol/history.ts";
import { MAX_CUSTOM_EVENT_BYTES, MAX_DURATION_MS, MAX_PAYLOAD_BYTES } from "../../protocol/limits.ts";
import { bytesOf, CHARACTERS_WITHIN_LIMIT } from "../payload.ts";
import { customTaskProblem } from "./custom-task.ts";

export interface Refused {
  readonly kind: "refused";
  readonly status: number;
  readonly code: string;
  readonly detail: string;
}
export const refused = (status: number, code: string, detail: string): Refused => ({
  kind: "refused",
  status,
  code,
  detail,
});

/** Workers correct their clocks by the server's; a time further ahead than this is a mistake, such as another unit. */
const MOST_AHEAD_MS: Millis = 86_400_000;
const EARLIEST: Millis = 1_000_000_000_000;

/** Only the server records a reset (PROTOCOL-11), and only a reset ends a run in favour of another one. */
const isOfReset = (event: HistoryEvent): boolean =>
  event.kind === "execution_reset" || event.kind === "activity_restarted" || "next_run" in event;

/** `characters`: length of the request's text. Null: the batch is accepted. */
export function batchProblem(batch: Batch, now: Millis, characters: number): Refused | null {
  for (const event of batch.events) {
    if (isOfReset(event)) {
      const detail = `event ${event.id} is an ${event.kind} of a reset, which only the server records: leave it out`;
      return refused(422, "WF_1001", detail);
    }
    if (event.at > now + MOST_AHEAD_MS || event.at < EARLIEST) {
      const detail = `event ${event.id} has the time ${event.at}, but the server's time is ${now} (milliseconds since 1970)`;
      return refused(422, "WF_1001", detail);
    }
    const far = farTime(event, now);
    if (far) return refused(422, "WF_1001", `event ${event.id} has ${far}: the longest duration is 100 years`);
    if (event.kind === "search_keys_set") {
      for (const key of [...Object.keys(event.set), ...event.remove]) {
        const why = searchKeyProblem(key);
        if (why)
          return refused(
            422,
            "WF_1001",
            `event ${event.id} has the search key ${JSON.stringify(cutText(key, 40))}: ${why}`,
          );
      }
    }
    if (event.kind === "custom_task") {
      const why = customTaskProblem(event);
      if (why) return refused(422, "WF_1001", `event ${event.id} could not be read by clients: ${why}`);
    }
    const large = characters > CHARACTERS_WITHIN_LIMIT ? largePayload(event) : null;
    if (large) return large;
  }
  return null;
}

/** A time that is further ahead than any duration allows; null: there is none. */
function farTime(event: HistoryEvent, now: Millis): string | null {
  if (event.kind === "child_scheduled" && event.timeout_ms !== undefined) {
    const { timeout_ms: ms } = event;
    return ms < 0 || ms > MAX_DURATION_MS ? `the timeout_ms ${ms}` : null;
  }
  const [name, at] =
    event.kind === "timer_started"
      ? ["fire_at", event.fire_at]
      : "retry_at" in event
        ? ["retry_at", event.retry_at]
        : [];
  return typeof at === "number" && at > now + 2 * MAX_DURATION_MS ? `the ${name} ${at}` : null;
}

function largePayload(event: HistoryEvent): Refused | null {
  const check = (what: string, value: unknown, limit: number) => {
    const bytes = bytesOf(value);
    if (bytes <= limit) return null;
    return refused(
      413,
      "PAYLOAD_TOO_LARGE",
      `the ${what} has ${bytes} bytes, the limit is ${limit}: store it elsewhere and pass a reference`,
    );
  };
  if (event.kind === "custom_task") {
    return check(`custom event '${event.task_type}'`, event.attributes, MAX_CUSTOM_EVENT_BYTES);
  }
  const of = "name" in event ? `'${event.name}'` : event.kind;
  if ("input" in event) return check(`input of ${of}`, event.input, MAX_PAYLOAD_BYTES);
  if ("result" in event) return check(`result of ${of}`, event.result, MAX_PAYLOAD_BYTES);
  return "failure" in event ? check(`failure of ${of}`, event.failure, MAX_PAYLOAD_BYTES) : null;
}
