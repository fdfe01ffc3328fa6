/**
 * Lists of runs. Pages continue after a key, so that rows that come or go do not shift the next page.
 *
 * RUNLIST-1. A list walks one index in chunks and tests the rows of each chunk against all filters. Between chunks other
 *     requests run. So a request holds the event loop for one chunk at most, however few runs match and however many
 *     there are.
 * RUNLIST-2. The index is that of the filter which fewest runs pass, counted up to `FEW`, and up to `MANY` where that decides
 *     nothing. Few runs are read at once and sorted, which needs no index in the wanted order; up to `MANY` are read in
 *     chunks by their ids. A filter of several values has a part of the index for each: the parts are walked one by one, and
 *     their rows merged.
 * RUNLIST-3. The text of a statement depends on index, order and sort key alone: the values, lists included, are parameters.
 *     So the cache of prepared statements stays small.
 * RUNLIST-4. A search for a text, unless few runs pass another filter, reads the index alone, which holds the texts that are
 *     searched, and looks up only the rows whose texts match: a row costs some fifty times as much as its entry.
 * RUNLIST-5. A walk of the runs of one search key tests the others in their index, which is in the same order, before it looks up
 *     a row.
 */
import { type Place, readPageToken, writePageToken } from "../lib/page-token.ts";
import { type Readable, shownTime } from "../lib/readable.ts";
import { pause } from "../lib/turns.ts";
import { BadToken, type RunSummary, type RunsQuery } from "../ports.ts";
import type { Database, Row } from "./database.ts";
import { parse } from "./database.ts";
import { indexed } from "./search-keys.ts";

/** Open runs sort as if they ended last. */
export const END_OF_OPEN_RUNS = 9_000_000_000_000_000;
/** Rows that are tested at once. */
const CHUNK = 100;
/** RUNLIST-4. Entries that are tested at once; all of them may match. */
const TEXT_CHUNK = 500;
/** RUNLIST-2. */
const FEW = 500;
/** RUNLIST-2. More runs than this pass a filter often enough that a walk in the order of the list soon has a page. */
const MANY = 10_000;
/** RUNLIST-5. */
const KEYS_CHUNK = 200;
/** Each part costs a look at its index. There are fewer statuses. */
const MOST_PARTS = 10;

type Value = string | number;
/** Parts of an index, one for each value of a filter. */
type Sources = readonly Source[];

/** A part of an index: the runs of one value. */
interface Source {
  readonly table: string;
  readonly where: string;
  readonly values: readonly Value[];
  /** The rows stand in the order of their starts. */
  readonly byStart: boolean;
  /** RUNLIST-4: a test of the entry, by the parameters of the filters. */
  readonly test?: string;
  /** RUNLIST-5: joins of the entry with those of other search keys. */
  readonly others?: { readonly joins: string; readonly values: readonly Value[] };
}

/** Columns whose index has the runs of one value in the order of their starts. */
const BY_COLUMN = ["status", "workflow", "deployment", "user"] as const;

export async function listRuns(
  db: Database,
  readable: Readable,
  q: RunsQuery,
): Promise<{ runs: RunSummary[]; next: string | null }> {
  const after = q.token === undefined ? undefined : placeAt(q.token);
  const rows = await rowsOf(db, q, after);
  const page = rows.slice(0, q.limit);
  const last = page.at(-1);
  const next = rows.length > q.limit && last ? writePageToken(placeOf(q, last)) : null;
  const runs = readable.of(
    page,
    ({ run }) => `run ${run}`,
    (row) => summaryOf(q.workspace, row),
  );
  return { runs, next };
}

/** The next rows that match, in order, at least one more than a page if there are so many. */
async function rowsOf(db: Database, q: RunsQuery, after: Place | undefined): Promise<Row[]> {
  const all = sourcesOf(q);
  const narrow = await narrowest(db, all, FEW);
  if (narrow && narrow.count < FEW) {
    return inOrder(
      q,
      narrow.sources.flatMap((source) => few(db, q, source, after)),
    );
  }
  const only = q.search === undefined && all.length === 1 ? sorted(q, narrow?.sources) : undefined;
  if (only) return walkAll(db, q, only, after);
  const next = await narrowest(db, all, MANY);
  const inOrderOf = q.search === undefined ? sorted(q, next?.sources) : undefined;
  if (next && next.count < MANY && !inOrderOf) return gather(db, q, next.sources, after);
  return walkAll(db, q, inOrderOf ?? [q.search === undefined ? allOf(q) : textOf(q)], after);
}

function allOf(q: RunsQuery): Source {
  const index = q.sortBy === "start_time" ? "runs_started" : "runs_ended";
  return { table: `runs r INDEXED BY ${index}`, where: "r.ws = ?", values: [q.workspace], byStart: true };
}

/** RUNLIST-4. */
function textOf(q: RunsQuery): Source {
  const index = q.sortBy === "start_time" ? "runs_started" : "runs_ended";
  const table = `runs k INDEXED BY ${index} CROSS JOIN runs r ON r.run = k.run`;
  return { table, where: "k.ws = ?", values: [q.workspace], byStart: true, test: textFilter("k") };
}

/** The parts, if they have their rows in the order of the list. */
const sorted = (q: RunsQuery, sources: Sources | undefined): Sources | undefined =>
  q.sortBy === "start_time" && sources?.every((source) => source.byStart) ? sources : undefined;

/** RUNLIST-2. */
async function narrowest(
  db: Database,
  all: readonly Sources[],
  most: number,
): Promise<{ sources: Sources; count: number } | undefined> {
  const counted: { sources: Sources; count: number }[] = [];
  for (const sources of all) {
    let count = 0;
    for (const source of sources) {
      count += countOf(db, source, most);
      await pause();
      if (count >= most) break;
    }
    counted.push({ sources, count });
  }
  return counted.sort((a, b) => a.count - b.count)[0];
}

function sourcesOf(q: RunsQuery): Sources[] {
  const few = <T>(list: readonly T[] | undefined) => (list && list.length <= MOST_PARTS ? [...new Set(list)] : []);
  const one = <T>(value: T | undefined) => (value === undefined ? [] : [value]);
  const values = {
    status: few(q.statuses),
    workflow: few(q.workflows),
    deployment: one(q.deployment),
    user: one(q.user),
  };
  const sources: Sources[] = [];
  for (const column of BY_COLUMN) {
    const where = `r.ws = ? AND r.${column} = ?`;
    const table = `runs r INDEXED BY runs_${column}`;
    const parts = values[column].map((value) => ({ table, where, values: [q.workspace, value], byStart: true }));
    if (parts.length > 0) sources.push(parts);
  }
  if (q.root !== undefined) {
    const where = "r.ws = ? AND r.root = ?";
    sources.push([{ table: "runs r INDEXED BY runs_tree", where, values: [q.workspace, q.root], byStart: false }]);
  }
  for (const { key, value, prefix } of q.searchKeys ?? []) {
    const from = indexed(value);
    // No character of a text follows U+10FFFF.
    const [where, to] = prefix ? ["k.value BETWEEN ? AND ?", [`${from}\u{10ffff}`]] : ["k.value = ?", []];
    const table = "search_keys k CROSS JOIN runs r ON r.run = k.run";
    const values = [q.workspace, key, from, ...to];
    const others = q.searchKeys?.filter((other) => !other.prefix && (other.key !== key || other.value !== value)) ?? [];
    sources.push([
      {
        table,
        where: `k.ws = ? AND k.key = ? AND ${where}`,
        values,
        byStart: !prefix,
        ...(others.length > 0 && {
          others: {
            joins: others.map((_, i) => joinOther(`o${i}`)).join(" "),
            values: others.flatMap((other) => [other.key, indexed(other.value)]),
          },
        }),
      },
    ]);
  }
  return sources;
}

/** RUNLIST-5. SQLite does not change the order of a CROSS JOIN; an EXISTS it would put after the look-up of the row. */
const joinOther = (o: string): string => `CROSS JOIN search_keys ${o}
    ON ${o}.ws = k.ws AND ${o}.key = ? AND ${o}.value = ? AND ${o}.started_at = k.started_at AND ${o}.run = k.run`;

/** The index alone. */
const indexOf = ({ table }: Source): string => table.split(" CROSS JOIN ")[0]!;
const aliasOf = ({ table }: Source): "k" | "r" => (table.includes(" CROSS JOIN ") ? "k" : "r");

function countOf(db: Database, source: Source, most: number): number {
  const { where, values } = source;
  const row = db.one(
    `SELECT COUNT(*) AS n FROM (SELECT 1 FROM ${indexOf(source)} WHERE ${where} LIMIT ${most})`,
    ...values,
  );
  return Number(row?.n);
}

const COLUMNS = `r.run, r.execution, r.workflow, r.root, r.deployment, r.user, r.status, r.started_at, r.closed_at, r.ends_at,
  r.parent`;

const textFilter = (
  of: "k" | "r",
): string => `(?11 IS NULL OR ${of}.workflow LIKE ?11 ESCAPE '\\' OR ${of}.execution LIKE ?11 ESCAPE '\\'
    OR ${of}.workflow IN (SELECT value FROM json_each(?12)))`;

/** Every filter but the search keys; a parameter that is null filters nothing. RUNLIST-3. */
const FILTERS = `(?1 IS NULL OR r.workflow IN (SELECT value FROM json_each(?1)))
  AND (?2 IS NULL OR r.workflow NOT IN (SELECT value FROM json_each(?2)))
  AND (?3 IS NULL OR r.status IN (SELECT value FROM json_each(?3)))
  AND (?4 IS NULL OR r.root = ?4) AND (?5 IS NULL OR r.deployment = ?5) AND (?6 IS NULL OR r.user = ?6)
  AND (?7 IS NULL OR r.started_at >= ?7) AND (?8 IS NULL OR r.started_at <= ?8)
  AND (?9 IS NULL OR r.closed_at >= ?9) AND (?10 IS NULL OR r.closed_at <= ?10)
  AND ${textFilter("r")}`;

function filterValues(q: RunsQuery): (Value | null)[] {
  const list = (values: readonly string[] | undefined) => (values ? JSON.stringify(values) : null);
  return [
    list(q.workflows),
    list(q.without?.length ? q.without : undefined),
    list(q.statuses?.length ? q.statuses : undefined),
    q.root ?? null,
    q.deployment ?? null,
    q.user ?? null,
    q.startedAfter ?? null,
    q.startedBefore ?? null,
    q.closedAfter ?? null,
    q.closedBefore ?? null,
    q.search === undefined ? null : containing(q.search),
    list(q.workflowsBySearch ?? []),
  ];
}

/** A LIKE pattern for texts that contain `text`. */
const containing = (text: string) => `%${text.replace(/[\\%_]/g, "\\$&")}%`;

/** All rows of a small source that match and follow `after`, in order. */
function few(db: Database, q: RunsQuery, source: Source, after: Place | undefined): Row[] {
  const values = filterValues(q);
  const where = numbered(source.where, values.length);
  const rows = db.all(
    `SELECT ${COLUMNS}, r.search_keys FROM ${source.table} WHERE ${where} AND ${FILTERS}`,
    ...values,
    ...source.values,
  );
  return rows.filter((row) => hasSearchKeys(q, row) && (after === undefined || compare(q, placeOf(q, row), after) > 0));
}

/** RUNLIST-2: the first rows of at most `MANY` that match and follow `after`, in order. */
async function gather(db: Database, q: RunsQuery, sources: Sources, after: Place | undefined): Promise<Row[]> {
  const runs = new Set<string>();
  for (const source of sources) {
    const sql = `SELECT ${aliasOf(source)}.run AS run FROM ${indexOf(source)} WHERE ${source.where} LIMIT ${MANY}`;
    for (const { run } of db.all(sql, ...source.values)) runs.add(String(run));
    await pause();
  }
  const values = filterValues(q);
  const sql = `SELECT ${COLUMNS}, r.search_keys FROM runs r
    WHERE r.run IN (SELECT value FROM json_each(?${values.length + 1})) AND ${FILTERS}`;
  const ids = [...runs];
  let found: Row[] = [];
  for (let i = 0; i < ids.length && !q.signal?.aborted; i += CHUNK) {
    for (const row of db.all(sql, ...values, JSON.stringify(ids.slice(i, i + CHUNK)))) {
      if (hasSearchKeys(q, row) && (after === undefined || compare(q, placeOf(q, row), after) > 0)) found.push(row);
    }
    if (found.length > 2 * q.limit + CHUNK) found = inOrder(q, found).slice(0, q.limit + 1);
    await pause();
  }
  return inOrder(q, found);
}

const inOrder = (q: RunsQuery, rows: Row[]): Row[] => rows.sort((a, b) => compare(q, placeOf(q, a), placeOf(q, b)));

/** The next rows of all parts that match, at least one more than a page if there are so many. */
async function walkAll(db: Database, q: RunsQuery, sources: Sources, after: Place | undefined): Promise<Row[]> {
  const found: Row[] = [];
  for (const source of sources) found.push(...(await walk(db, q, source, after)));
  return sources.length > 1 ? inOrder(q, found) : found;
}

/** The next rows that match, one more than a page. RUNLIST-1. */
async function walk(db: Database, q: RunsQuery, source: Source, after: Place | undefined): Promise<Row[]> {
  const found: Row[] = [];
  const [sign, direction] = q.order === "asc" ? [">", "ASC"] : ["<", "DESC"];
  const alias = aliasOf(source);
  const chunkSize = source.test ? TEXT_CHUNK : source.others ? KEYS_CHUNK : CHUNK;
  const column = `${alias}.${q.sortBy === "start_time" ? "started_at" : "ends_at"}`;
  const values = filterValues(q);
  const n = values.length + source.values.length;
  const position = `${numbered(source.where, values.length)} AND (${column}, ${alias}.run) ${sign} (?${n + 1}, ?${n + 2})`;
  const order = `ORDER BY ${column} ${direction}, ${alias}.run ${direction}`;
  // The chunk's last place comes from the index alone. Rows are read up to it, so that a chunk is bounded by rows, not by matches.
  const endOfChunk = `SELECT ${column} AS sort, ${alias}.run AS run FROM ${indexOf(source)} WHERE ${position}
    ${order} LIMIT 1 OFFSET ${chunkSize - 1}`;
  const joins = source.others ? ` ${numbered(source.others.joins, n + 5)}` : "";
  const rows = `SELECT ${COLUMNS}${q.searchKeys?.length ? ", r.search_keys" : ""} FROM ${source.table.replace(" CROSS JOIN ", `${joins} CROSS JOIN `)}
    WHERE ${position} AND (${column}, ${alias}.run) ${sign === ">" ? "<=" : ">="} (?${n + 3}, ?${n + 4}) AND ${source.test ?? "TRUE"} AND ${FILTERS}
    ${order} LIMIT ?${n + 5}`;
  let from: Place = after ?? firstPlace(q);
  const last = lastPlace(q);
  for (;;) {
    const reached = db.one(endOfChunk, ...values, ...source.values, ...from);
    const to: Place = reached ? [Number(reached.sort), String(reached.run)] : last;
    const wanted = q.limit + 1 - found.length;
    // With search keys the limit cannot be the statement's: rows that it lets through may still be left out.
    const limit = q.searchKeys?.length ? chunkSize : wanted;
    const others = source.others?.values ?? [];
    const chunk = db.all(rows, ...values, ...source.values, ...from, ...to, limit, ...others);
    found.push(...chunk.filter((row) => hasSearchKeys(q, row)).slice(0, wanted));
    if (found.length > q.limit || q.signal?.aborted || !reached || beyondRange(q, to)) return found;
    from = to;
    await pause();
  }
}

/** The placeholders of a condition as numbered ones that follow the first `n`. */
function numbered(condition: string, n: number): string {
  let at = n;
  return condition.replace(/\?/g, () => `?${++at}`);
}

/** Before all rows. Bounds of the start narrow a walk in the order of starts from both sides. */
function firstPlace(q: RunsQuery): Place {
  const bounds = q.sortBy === "start_time" ? [q.startedAfter, q.startedBefore] : [q.closedAfter, q.closedBefore];
  return q.order === "asc" ? [bounds[0] ?? 0, ""] : [bounds[1] ?? Number.MAX_SAFE_INTEGER, LAST];
}
const lastPlace = (q: RunsQuery): Place => (q.order === "asc" ? [Number.MAX_SAFE_INTEGER, LAST] : [-1, ""]);
function beyondRange(q: RunsQuery, [time]: Place): boolean {
  const bounds = q.sortBy === "start_time" ? [q.startedAfter, q.startedBefore] : [q.closedAfter, q.closedBefore];
  const bound = q.order === "asc" ? bounds[1] : bounds[0];
  return bound !== undefined && (q.order === "asc" ? time > bound : time < bound);
}
/** Follows every run id. */
const LAST = "\u{10ffff}";

function hasSearchKeys(q: RunsQuery, row: Row): boolean {
  if (!q.searchKeys?.length) return true;
  const keys = searchKeysOf(row);
  return q.searchKeys.every(({ key, value, prefix }) => {
    const found = Object.hasOwn(keys, key) ? keys[key]! : undefined;
    return found !== undefined && (prefix ? found.startsWith(value) : found === value);
  });
}

/** Of a row that is damaged: none. */
function searchKeysOf(row: Row): Record<string, string> {
  try {
    return parse<Record<string, string> | null>(row.search_keys) ?? {};
  } catch (error) {
    if (error instanceof SyntaxError) return {};
    throw error;
  }
}

function placeOf(q: RunsQuery, row: Row): Place {
  return [Number(q.sortBy === "start_time" ? row.started_at : row.ends_at), String(row.run)];
}

/** In the order of the list: negative if `a` comes first. */
function compare(q: RunsQuery, a: Place, b: Place): number {
  const ascending = a[0] - b[0] || (a[1] < b[1] ? -1 : a[1] > b[1] ? 1 : 0);
  return q.order === "asc" ? ascending : -ascending;
}

function summaryOf(workspace: string, row: Row): RunSummary {
  return {
    workspace,
    execution: String(row.execution),
    workflow: String(row.workflow),
    run: String(row.run),
    root: String(row.root),
    parent: row.parent === null ? null : { execution: String(row.parent) },
    deployment: String(row.deployment),
    user: row.user as string | null,
    status: row.status as RunSummary["status"],
    started_at: shownTime(row.started_at),
    closed_at: row.closed_at === null ? null : shownTime(row.closed_at),
  };
}

function placeAt(token: string): Place {
  const place = readPageToken(token);
  if (!place) throw new BadToken();
  return place;
}
