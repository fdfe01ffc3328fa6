/**
 * Texts that people write and read: titles, names, tags, reasons, notes.
 *
 * TEXT-1. Terminals, tables and logs print them. So a line holds no control characters, and a text of several lines none
 *     but tabs and line breaks.
 * TEXT-2. Stores keep them as UTF-8, which has no form for a lone surrogate: one would come back as another character.
 */
import * as z from "zod";

const LINE = /^[^\p{Cc}\p{Cs}]*$/u;
const LINES = /^(?:[^\p{Cc}\p{Cs}]|[\t\n\r])*$/u;

export const isPlainLine = (text: string): boolean => LINE.test(text);
export const isPlainText = (text: string): boolean => LINES.test(text);

export const NOT_ALLOWED = "control characters and lone surrogates are not allowed";

/** White space around it does not count. */
export const line = () =>
  z
    .string()
    .trim()
    .regex(LINE, { error: `${NOT_ALLOWED}: write one line of text` });
export const lines = () =>
  z.string().regex(LINES, { error: `${NOT_ALLOWED}, except tabs and line breaks: write plain text` });
