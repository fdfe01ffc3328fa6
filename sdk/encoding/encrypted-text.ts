/** Texts that `mode: "partial"` encrypts, while the rest of a payload stays readable. */
import * as z from "zod";
import { MARK, type MarkedText } from "../../shared/encoding/marked-text.ts";

/** The schema of a marked text, for inputs and results. The official SDK knows it as `EncryptedStrField`. */
export const EncryptedText = z.object({ field_type: z.literal(MARK).default(MARK), data: z.string() }).meta({
  title: "EncryptedStrField",
  description: "A text that is encrypted where the worker's encoding is partial.",
});

/** Marks a text. Code reads the text of a marked one as `.data`. */
export const encryptedText = (data: string): MarkedText => ({ field_type: MARK, data });
