/**
 * What the command prints comes from others too: failures, log records, search keys, names.
 *
 * PRINT-1. A control character would be an instruction to the terminal: to clear it, to write into the clipboard, to show one
 *     line as another. So the command prints each as its escape in JSON, and only its own colours pass. The same holds
 *     for marks that turn the direction of the text beside them.
 */

/** All but tab and line feed. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters that are not printed
const UNSEEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]|\p{Surrogate}/gu;
// biome-ignore lint/suspicious/noControlCharactersInRegex: these codes switch the styles of print.ts on and off
const OWN_COLOR = /^\u001b\[(?:1|2|22|3[1-9])m/;

export function printable(text: string, color: boolean): string {
  return text.replace(UNSEEN, (c: string, at: number) =>
    color && c === "\u001b" && OWN_COLOR.test(text.slice(at, at + 5)) ? c : escaped(c),
  );
}

const escaped = (c: string): string => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`;
