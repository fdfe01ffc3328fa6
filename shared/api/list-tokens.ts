/**
 * A page token belongs to the list that issued it: it goes out with a digest of the operation and its path, and comes in
 * only with the same. The filters are the business of the list itself (page.ts).
 */
import { hash } from "node:crypto";
import { invalidAt, type Refusal } from "../protocol/errors.ts";

const FIELDS = ["cursor", "next_page_token"];
const ANSWERED = ["next_cursor", "next_page_token"];

export interface List {
  readonly operation: string;
  /** Of the path, such as the deployment whose workers are listed. */
  readonly params: Readonly<Record<string, string>>;
}

/** Made only where there is a token: most requests have none. */
const digestOf = ({ operation, params }: List): string =>
  hash("sha256", JSON.stringify([operation, params]), "base64url").slice(0, 6);

/** Takes the digest off the token of the query; the refusal of a token of another list. */
export function unscope(list: List, query: Record<string, unknown>): Refusal | null {
  for (const field of FIELDS) {
    const token = query[field];
    if (typeof token !== "string") continue;
    const digest = digestOf(list);
    if (!token.startsWith(`${digest}.`)) {
      return invalidAt(
        ["query", field],
        "this is not a token of this list: pass the token of the previous page unchanged",
      );
    }
    query[field] = token.slice(digest.length + 1);
  }
  return null;
}

/** The answer with the digest before its token. */
export function scoped(list: List, answer: unknown): unknown {
  if (typeof answer !== "object" || answer === null) return answer;
  for (const field of ANSWERED) {
    const token = (answer as Record<string, unknown>)[field];
    if (typeof token === "string") return { ...answer, [field]: `${digestOf(list)}.${token}` };
  }
  return answer;
}
