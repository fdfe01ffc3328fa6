/** Notes that a schedule writes itself. */
import { MAX_NOTE_BYTES } from "../../protocol/limits.ts";
import { byteLength } from "./bytes.ts";

/** The text, cut to the limit of notes. */
export function noteOf(text: string): string {
  if (byteLength(text) <= MAX_NOTE_BYTES) return text;
  let kept = "";
  let bytes = byteLength("...");
  for (const character of text) {
    bytes += byteLength(character);
    if (bytes > MAX_NOTE_BYTES) break;
    kept += character;
  }
  return `${kept}...`;
}
