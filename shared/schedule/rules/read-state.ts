/** Reads the stored text of a schedule, which may be damaged or written by another version of the program. */
import type { ScheduleState } from "./state.ts";

const LISTS = ["buffer", "active", "recent", "log"] as const;
const NUMBERS = ["version", "cursor", "manual_runs", "log_entries", "created_at", "updated_at"] as const;
const TEXTS = ["schedule_id", "seed", "workflow_name", "deployment_name"] as const;

/** The state, or why the text holds none. `complete`: adds what the store has left out. */
export function readState(
  text: string,
  complete = (stored: unknown): unknown => stored,
): ScheduleState | { readonly problem: string } {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return { problem: `it is not JSON: ${(error as Error).message}` };
  }
  return checkState(complete(value));
}

/** The same of what the text says. */
export function checkState(value: unknown): ScheduleState | { readonly problem: string } {
  if (!isRecord(value)) return { problem: "it is not an object" };
  if (value.format !== 1) return { problem: `its format is ${String(value.format)}, this program reads format 1` };
  const wrong = [
    ...LISTS.filter((key) => !Array.isArray(value[key])),
    ...NUMBERS.filter((key) => !Number.isFinite(value[key])),
    ...TEXTS.filter((key) => typeof value[key] !== "string"),
    ...["definition", "counters"].filter((key) => !isRecord(value[key])),
  ];
  if (isRecord(value.definition) && !isRecord(value.definition.policy)) wrong.push("definition.policy");
  if (wrong.length > 0) return { problem: `its ${wrong.join(", ")} cannot be read` };
  return value as unknown as ScheduleState;
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
