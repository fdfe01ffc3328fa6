import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isRefusal } from "../protocol/errors.ts";
import { pageOf, readToken, writeToken } from "./page.ts";

interface Row {
  readonly name: string;
  readonly at: number;
}
const request = (rows: readonly Row[], limit: number, order: "asc" | "desc", cursor?: string) => ({
  rows,
  placeOf: (row: Row) => [row.at, row.name],
  order,
  limit,
  query: { search: "x", limit },
  cursor,
});
const arbitraryRows = fc.uniqueArray(fc.record({ name: fc.string(), at: fc.integer({ min: 0, max: 5 }) }), {
  selector: (row) => row.name,
});

/** Rows of all pages, each of which must be full unless it is the last. */
function readAllPages(
  rows: readonly Row[],
  limit: number,
  order: "asc" | "desc",
  between: () => readonly Row[] = () => rows,
) {
  const seen: Row[] = [];
  let cursor: string | undefined;
  let now = rows;
  do {
    const page = pageOf(request(now, limit, order, cursor));
    if (isRefusal(page)) throw new Error(JSON.stringify(page));
    if (page.next !== null) expect(page.rows).toHaveLength(limit);
    seen.push(...page.rows);
    cursor = page.next ?? undefined;
    now = between();
  } while (cursor !== undefined);
  return seen;
}

describe("pages", () => {
  test("together are the whole list in order, each full but the last", () => {
    fc.assert(
      fc.property(
        arbitraryRows,
        fc.integer({ min: 1, max: 7 }),
        fc.constantFrom("asc", "desc"),
        (rows, limit, order) => {
          const sorted = rows.toSorted((a, b) => a.at - b.at || (a.name < b.name ? -1 : 1));
          expect(readAllPages(rows, limit, order)).toEqual(order === "asc" ? sorted : sorted.toReversed());
        },
      ),
    );
  });

  test("neither repeat nor skip a row when others are created or deleted in between", () => {
    fc.assert(
      fc.property(arbitraryRows, arbitraryRows, fc.integer({ min: 1, max: 3 }), (rows, others, limit) => {
        const kept = rows.map((row) => ({ ...row, name: `kept-${row.name}` }));
        let round = 0;
        const between = () => (round++ % 2 === 0 ? [...others, ...kept] : kept);
        const seen = readAllPages(kept, limit, "asc", between).filter((row) => row.name.startsWith("kept-"));
        expect(seen).toEqual(readAllPages(kept, 1000, "asc"));
      }),
    );
  });
});

describe("tokens", () => {
  const query = { status: ["RUNNING"], order: "asc", limit: 3, cursor: "c", search: undefined };

  test("are valid for the query that issued them, whatever the page size", () => {
    const token = writeToken(query, [7, "a"]);
    expect(readToken({ ...query, limit: 50, cursor: token }, "cursor", token)).toEqual([7, "a"]);
    expect(readToken({ order: "asc", status: ["RUNNING"] }, "cursor", token)).toEqual([7, "a"]);
    expect(readToken({ ...query, status: ["FAILED"] }, "cursor", token)).toMatchObject({ status: 422 });
  });

  test("that the API did not issue are refused", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.base64String(),
          fc.json().map((j) => Buffer.from(j).toString("base64url")),
        ),
        (text) => {
          expect(readToken(query, "cursor", text)).toMatchObject({
            status: 422,
            detail: [{ loc: ["query", "cursor"] }],
          });
        },
      ),
    );
  });
});
