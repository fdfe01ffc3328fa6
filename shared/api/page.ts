/**
 * Pages. A token is opaque, belongs to the query that gave it and says after which row to go on, so that rows that come
 * or go meanwhile neither repeat nor hide others. A page is full whenever a token comes with it: clients stop at a short one.
 */
import { hash } from "node:crypto";
import { invalidAt, isRefusal, type Refusal } from "../protocol/errors.ts";

type Query = Readonly<Record<string, unknown>>;
export type Place = readonly (string | number)[];

/** `query`: the filters and the order; how many rows a page holds may change between pages. */
export function writeToken(query: Query, place: Place): string {
  return Buffer.from(JSON.stringify([fingerprint(query), ...place])).toString("base64url");
}

/** The place that a token names; `field` is the query key that carried it. */
export function readToken(query: Query, field: string, token: string | undefined): Place | undefined | Refusal {
  if (token === undefined) return undefined;
  try {
    const parts: unknown = JSON.parse(Buffer.from(token, "base64url").toString("utf8"));
    if (Array.isArray(parts) && parts.every((p) => typeof p === "string" || Number.isFinite(p)) && parts.length > 1) {
      const [of, ...place] = parts as [string, ...Place];
      if (of === fingerprint(query)) return place;
      return invalidAt(["query", field], "this token belongs to another query: repeat the filters it was given for");
    }
  } catch {}
  return invalidAt(["query", field], "this is not a token of this list: take the one of the page before, unchanged");
}

const PAGING = new Set(["cursor", "next_page_token", "limit", "page_size"]);
function fingerprint(query: Query): string {
  const filters = Object.entries(query).filter(([key, value]) => !PAGING.has(key) && value !== undefined);
  filters.sort(([a], [b]) => (a < b ? -1 : 1));
  return hash("sha256", JSON.stringify(filters), "base64url").slice(0, 8);
}

export interface PageRequest<T> {
  readonly rows: readonly T[];
  /** Where a row stands; no two rows at the same place. */
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
