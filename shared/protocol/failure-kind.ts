/** Which failures are of one kind: server and console find the same. It runs in browsers too. */
import { cutText } from "./cut-text.ts";
import type { Failure, HistoryEvent } from "./history.ts";

const MOST_MESSAGE = 300;

/** The innermost cause: what wraps it is the same for many failures. */
export function toldOf(last: HistoryEvent): { type: string | null; message: string } {
  if (last.kind !== "execution_failed") return { type: "Timeout", message: "execution timeout" };
  let failure: Failure = last.failure;
  while (failure.cause) failure = failure.cause;
  return { type: failure.type ?? null, message: cutText(failure.message, MOST_MESSAGE) };
}

/**
 * Failures that differ only in ids, numbers and quoted values are of one kind. Two 32-bit FNV-1a hashes with different
 * seeds: this file may not import Node's crypto.
 */
export function fingerprintOf(
  f: Readonly<Record<"workflow" | "deployment" | "status" | "message", string> & { type: string | null }>,
): string {
  const kind = f.message
    .replace(/"[^"]*"|'[^']*'|`[^`]*`/g, "?")
    .replace(/\b[0-9a-f]{8}-[0-9a-f-]{27}\b/gi, "?")
    .replace(/\b(?=\w*\d)[\w-]*\w\b/g, "?");
  const text = [f.workflow, f.deployment, f.status, f.type ?? "", kind].join("\n");
  return hash(text, 0x811c9dc5) + hash(text, 0x9747b28c);
}

function hash(text: string, seed: number): string {
  let h = seed;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  return (h >>> 0).toString(16).padStart(8, "0");
}
