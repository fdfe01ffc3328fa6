/** A message of one execution to another: what its worker sends, and what the server answers. */
import * as z from "zod";
import { HandlerName } from "./ids.ts";
import { JsonValue } from "./json-value.ts";

export const OutgoingMessage = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("signal"), name: HandlerName, input: JsonValue }),
  z.object({ kind: z.literal("query"), name: HandlerName, input: JsonValue }),
  z.object({ kind: z.literal("cancel"), reason: z.string().nullable() }),
]);
export type OutgoingMessage = z.infer<typeof OutgoingMessage>;

/** Why another execution did not take a message. Workflow code compares them: they are never renamed. */
export const MESSAGE_REFUSALS = [
  /** The workspace has no execution with this id, or it is not the child that was meant. */
  "NOT_FOUND",
  /** It has closed. */
  "NOT_RUNNING",
  /** Its workflow declares no signal or query of this name. */
  "NO_HANDLER",
  /** The input does not fit the handler's schema, or is too large. */
  "INVALID_INPUT",
  /** The worker's API key may not change executions of that deployment. */
  "FORBIDDEN",
  /** The handler of the query threw. */
  "HANDLER_FAILED",
  /** No worker answered the query in time. */
  "NO_ANSWER",
  /** Anything else that the server says. */
  "REFUSED",
] as const;
export type MessageRefusal = (typeof MESSAGE_REFUSALS)[number];

export const MessageResult = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("sent") }),
  z.object({ kind: z.literal("answered"), result: JsonValue }),
  z.object({ kind: z.literal("refused"), reason: z.enum(MESSAGE_REFUSALS), detail: z.string() }),
]);
