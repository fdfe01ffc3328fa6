/**
 * Pages. A token is opaque, is valid only for the query that issued it, and names the last row of its page, so that rows
 * created or deleted meanwhile make no other row repeat or vanish. A page with a token is full: clients stop at a short page.
 *
 * PAGE-1. A caller can write a token of its own. So a place that goes to a store has the form that its list gave it.
 */
import { hash } from "node:crypto";
import { invalidAt, isRefusal, type Refusal } from "../protocol/errors.ts";

type Query = Readonly<Record<string, unknown>>;
export type Place = readonly (string | number)[];

/** `query`: filters and order. The page size is not part of it and may change between pages. */
export function writeToken(query: Query, place: Place): string {
  return Buffer.from(JSON.stringify([fingerprint(query), ...place])).toString("base64url");
}

/** Whether a part of a place may be this. */
type Fits = (part: string | number) => boolean;
export const isText: Fits = (part) => typeof part === "string";
export const isCount: Fits = (part) => Number.isSafeInteger(part) && (part as number) >= 0;

/**
 * The place that a token names; `field` is the query parameter that held it. `form`: of its parts (PAGE-1). Absent: the place
 * is compared in memory alone.
 */
export function readToken(
  query: Query,
  field: string,
  token: string | undefined,
  form?: readonly Fits[],
): Place | undefined | Refusal {
  if (token === undefined) return undefined;
  try {
    const parts: unknown = JSON.parse(Buffer.from(token, "base64url").toString("utf8"));
    const isPlace = Array.isArray(parts) && parts.every((p) => isText(p) || Number.isFinite(p));
    if (
      isPlace &&
      parts.length > 1 &&
      (!form || (form.length === parts.length - 1 && form.every((f, i) => f(parts[i + 1]))))
    ) {
      const [of, ...place] = parts as [string, ...Place];
      if (of === fingerprint(query)) return place;
      return invalidAt(
        ["query", field],
        "this token belongs to another query: repeat the filters of the page that issued it",
      );
    }
  } catch {}
  return invalidAt(["query", field], "this is not a token of this list: pass the token of the previous page unchanged");
}

const PAGING = new Set(["cursor", "next_page_token", "limit", "page_size"]);
function fingerprint(query: Query): string {
  const filters = Object.entries(query).filter(([key, value]) => !PAGING.has(key) && value !== undefined);
  filters.sort(([a], [b]) => (a < b ? -1 : 1));
  return hash("sha256", JSON.stringify(filters), "base64url").slice(0, 8);
}

export interface PageRequest<T> {
  readonly rows: readonly T[];
  /** The sort key of a row; unique among the rows. */
  readonly placeOf: (row: T) => Place;
  readonly order: "asc" | "desc";
  readonly limit: number;
  readonly query: Query;
  readonly cursor: string | undefined;
}

/** One page of rows that are all in memory. */
export function pageOf<T>(p: PageRequest<T>): { rows: T[]; next: string | null } | Refusal {
  const after = readToken(p.query, "cursor", p.cursor);
  if (isRefusal(after)) return after;
  const sign = p.order === "asc" ? 1 : -1;
  const placed = p.rows.map((row) => ({ row, place: p.placeOf(row) }));
  placed.sort((a, b) => sign * compare(a.place, b.place));
  const rest = after === undefined ? placed : placed.filter(({ place }) => sign * compare(place, after) > 0);
  const page = rest.slice(0, p.limit);
  const last = page.at(-1);
  const next = rest.length > p.limit && last ? writeToken(p.query, last.place) : null;
  return { rows: page.map(({ row }) => row), next };
}

function compare(a: Place, b: Place): number {
  for (const [i, x] of a.entries()) {
    const y = b[i];
    if (y === undefined) return 1;
    if (x !== y) return x < y ? -1 : 1;
  }
  return 0;
}
