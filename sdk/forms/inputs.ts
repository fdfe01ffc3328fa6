/** What `waitForInput` can ask in a chat: a message, edits of a canvas, a confirmation, a form. */
import * as z from "zod";
import { type Option, singleChoice } from "./choices.ts";

const TextChunk = z.object({ type: z.literal("text").default("text"), text: z.string() });
/** The parts of a message. */
export type ChatMessage = z.output<typeof TextChunk>[];

const messageOf = (description: string, suggestions?: readonly string[]) =>
  z.array(TextChunk).meta({
    description,
    ...(suggestions && { examples: suggestions.map((text) => [{ type: "text", text }]) }),
  });

/** A message. `suggestions` can be sent with one click. */
export function chatInput(prompt = "Type your message", options: { readonly suggestions?: readonly string[] } = {}) {
  return z.strictObject({ message: messageOf(prompt, options.suggestions) }).meta({ title: "ChatInput" });
}

/** The text of a message. */
export const textOf = (message: ChatMessage): string => message.map(({ text }) => text).join("");

const CanvasData = z.object({ title: z.string(), content: z.string() });

/** Edits of a canvas that an earlier step has shown under this URI. */
export const canvasInput = (canvasUri: string) =>
  z.strictObject({ canvas: CanvasData }).meta({ title: "Canvas", $metadata: { canvasUri } });

/** The same with a message beside it, which a person may leave out: `chatInput` is null then. */
export const canvasInputWithChat = (canvasUri: string, prompt: string) =>
  z
    .strictObject({ canvas: CanvasData, chatInput: chatInput(prompt).nullable().default(null) })
    .meta({ title: "Canvas", $metadata: { canvasUri } });

/** One of these options. */
export function confirmation<const V extends string>(description: string, options: readonly Option<V>[]) {
  return z.strictObject({ choice: singleChoice(options, { description }) }).meta({ title: "Confirmation" });
}

/** Accept or decline, for which chats have keys. `decline: null`: it can only be accepted. */
export function acceptOrDecline(
  description: string,
  { accept = "Accept", decline = "Decline" }: { readonly accept?: string; readonly decline?: string | null } = {},
) {
  const options: Option<"accept" | "decline">[] = [["accept", accept]];
  if (decline !== null) options.unshift(["decline", decline]);
  return confirmation<"accept" | "decline">(description, options);
}

/** Fields by their names. */
export const formInput = <Shape extends z.core.$ZodLooseShape>(fields: Shape) =>
  z.object(fields).meta({ title: "FormInput" });
