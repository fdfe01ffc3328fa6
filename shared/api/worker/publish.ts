/** The progress that activities publish, for streams. Loaded at the first use. */
import { presentProgress } from "../../core/present.ts";
import { invalidAt, notFound, payloadTooLarge, type Refusal } from "../../protocol/errors.ts";
import { MAX_CUSTOM_EVENT_BATCH_BYTES, MAX_CUSTOM_EVENT_BYTES } from "../../protocol/limits.ts";
import type { WorkerAnswer, WorkerBody } from "../../protocol/worker.ts";
import { bytesOf, CHARACTERS_WITHIN_LIMIT } from "../payload.ts";
import { type RequestContext, refTo } from "../request-context.ts";
import { isOpen, runOf } from "./activities.ts";
import { customTaskProblem } from "./custom-task.ts";

export async function publish(
  context: RequestContext,
  body: WorkerBody<"publish">,
  characters: number,
): Promise<WorkerAnswer<"publish"> | Refusal> {
  const { ports } = context;
  const refused = progressProblem(body, characters);
  if (refused) return refused;
  const head = await runOf(context, body);
  if (!head) return notFound("run", body.run);
  if (!isOpen(head)) return {}; // the events of a closed run are complete: its streams have ended
  const activity = { id: body.activity, name: body.activity_name };
  const events = body.events.map((event) => presentProgress(head, event, activity, ports.uuid()));
  const id = `publish#${body.publish_id}`;
  await ports.feed.publish(refTo(context, body.execution), body.run, { id, at: body.events[0]!.at }, events);
  return {};
}

function progressProblem(body: WorkerBody<"publish">, characters: number): Refusal | null {
  for (const [i, event] of body.events.entries()) {
    const why = customTaskProblem(event);
    if (why) return invalidAt(["body", "events", i], `clients could not read this event: ${why}`);
  }
  if (characters <= CHARACTERS_WITHIN_LIMIT) return null;
  const sizes = body.events.map((event) => bytesOf(event.attributes));
  const largest = Math.max(...sizes);
  if (largest > MAX_CUSTOM_EVENT_BYTES) return payloadTooLarge("custom event", MAX_CUSTOM_EVENT_BYTES, largest);
  const sum = sizes.reduce((a, b) => a + b, 0);
  return body.events.length > 1 && sum > MAX_CUSTOM_EVENT_BATCH_BYTES
    ? payloadTooLarge("batch of custom events", MAX_CUSTOM_EVENT_BATCH_BYTES, sum)
    : null;
}
