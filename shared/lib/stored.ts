/**
 * Heads and batches as they come from the store. One that is damaged is refused where it is read (`Unreadable`): the call that
 * needs it is answered with the reason, and works on no half of it. What a value of a field means is not looked at.
 */
import type { Head } from "../protocol/head.ts";
import type { Batch } from "../protocol/history.ts";
import { Unreadable } from "../protocol/unreadable.ts";

/** @throws Unreadable if the text is no batch. */
export function storedBatch(text: string): Batch {
  const batch = storedJson(text) as Batch | null;
  const events = batch?.events;
  if (!Number.isInteger(batch?.first) || !Array.isArray(events) || events.length === 0)
    throw new Unreadable("something else is stored in place of a batch of events");
  for (const event of events) {
    if (!Number.isInteger(event?.id) || !Number.isFinite(event.at) || typeof event.kind !== "string")
      throw new Unreadable(`an event of the batch that begins with event ${batch!.first} has no id, time or kind`);
  }
  return batch!;
}

const TEXTS = ["workflow", "deployment", "status", "run", "chain", "token"] as const;
const NUMBERS = ["started_at", "fence", "effects_done_through", "attempt"] as const;
const TIMES = ["due_at", "deadline", "closed_at", "paced_until"] as const;
const LISTS = ["outbox", "carried"] as const;

/** @throws Unreadable if a field that each head has is missing or of another type. */
export function storedHead(head: Head): Head {
  const isWrong =
    TEXTS.find((field) => typeof head[field] !== "string") ??
    NUMBERS.find((field) => !Number.isFinite(head[field])) ??
    TIMES.find((field) => head[field] !== null && !Number.isFinite(head[field])) ??
    LISTS.find((field) => !Array.isArray(head[field]));
  if (isWrong === undefined) return head;
  throw new Unreadable(`the head of execution '${head.execution}' has no valid field '${isWrong}'`);
}

/** The JSON of a head before its fields are read. @throws Unreadable if the text is no object. */
export function storedFields<T extends object>(text: string): T {
  const fields = storedJson(text);
  if (typeof fields === "object" && fields !== null && !Array.isArray(fields)) return fields as T;
  throw new Unreadable("something else is stored in place of a head");
}

/** @throws Unreadable if the text is no JSON. */
export function storedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The parser's message quotes the text, which may be what nobody but its owner should read.
    throw new Unreadable("a stored value is no JSON");
  }
}
