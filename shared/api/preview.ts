/** Events with their long values cut, for readers who show many of them at once. */
import { cutText } from "../protocol/cut-text.ts";
import type { HistoryEvent } from "../protocol/history.ts";
import { MAX_SHOWN_BYTES, PREVIEW_CHARACTERS } from "../protocol/limits.ts";

/** Fields of our own form: their parts are cut one by one, so that the message of a failure stays where its stack is long. */
const STRUCTURED = new Set(["failure", "task"]);

/**
 * Each value of more than `MAX_SHOWN_BYTES` becomes `{size, preview}`: its bytes, and the beginning of its JSON. The event's
 * `cut` lists their places, as in `["input", "failure.details"]`. Absent: nothing was cut.
 */
export function cutEvent(event: HistoryEvent): HistoryEvent {
  const cut: string[] = [];
  const shown = cutFields(event as unknown as Record<string, unknown>, "", cut);
  return (cut.length > 0 ? { ...shown, cut } : event) as unknown as HistoryEvent;
}

function cutFields(fields: Record<string, unknown>, path: string, cut: string[]): Record<string, unknown> {
  const shown: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(fields)) {
    if (STRUCTURED.has(name) && path === "") {
      shown[name] = cutFields(value as Record<string, unknown>, `${name}.`, cut);
      continue;
    }
    const json = typeof value === "object" || typeof value === "string" ? JSON.stringify(value) : "";
    // UTF-8 has no more than three bytes for each unit of a text.
    const size = json.length * 3 <= MAX_SHOWN_BYTES ? 0 : Buffer.byteLength(json);
    shown[name] = size <= MAX_SHOWN_BYTES ? value : { size, preview: cutText(json, PREVIEW_CHARACTERS) };
    if (size > MAX_SHOWN_BYTES) cut.push(`${path}${name}`);
  }
  return shown;
}
