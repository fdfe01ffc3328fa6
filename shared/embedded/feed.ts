/**
 * The feed: public events of a workspace in one order. A read turns logged events into public ones and merges progress in.
 *
 * FEEDREAD-1. A read of a whole workspace walks the index on the sequence, and so does a scoped read near the end of the feed, so
 *     that a reader that follows pays only for new rows.
 * FEEDREAD-2. Further back a scoped read starts from the scope's runs, each by an index that the run leads, so that an old
 *     execution costs what its own events cost. A scope of very many runs walks the index on the sequence, between the
 *     first and the last event of its runs.
 * FEEDREAD-3. A read pauses between chunks of rows and ends after so many bytes. Rows that are written meanwhile are left to the
 *     next read: they have higher numbers, and to show one of them before an older row was seen would skip that row.
 */
import { type PublicEvent, present, type RunContext } from "../core/present.ts";
import { LruCache } from "../lib/lru-cache.ts";
import { type Readable, shownObject } from "../lib/readable.ts";
import { storedBatch } from "../lib/stored.ts";
import { pause } from "../lib/turns.ts";
import type { Feed, FeedItem, FeedReader, Ref } from "../ports.ts";
import { type Database, json, parse, type Row } from "./database.ts";
import type { Notifier } from "./notifier.ts";
import type { Sequence } from "./sequence.ts";

/** FEEDREAD-1: a position this close to the end of the feed, in sequence numbers. */
const NEAR_END = 2_000;
/** FEEDREAD-2: a scope with more runs than this. */
const MANY_RUNS = 200;
/** Rows of an index that are looked at before other requests may run. */
const CHUNK = 500;
/** FEEDREAD-3: characters of stored rows in one answer, and before other requests may run. */
const MOST_CHARACTERS = 1_000_000;
const CHARACTERS_AT_ONCE = 250_000;

type Scope = { execution?: string; root?: string; run?: string };
/** A row of the log or of progress, without its body. */
interface Place {
  readonly run: string;
  readonly seq: number;
  /** Null: progress. Else the row's key in the log. */
  readonly first: number | null;
}

export class EmbeddedFeed implements Feed {
  readonly #db: Database;
  readonly #sequence: Sequence;
  readonly #notifier: Notifier;
  readonly #readable: Readable;
  /** What the events of a run share never changes. */
  readonly #runs = new LruCache<RunContext & { readonly workspace: string }>(1_000);

  constructor(o: { db: Database; sequence: Sequence; notifier: Notifier; readable: Readable }) {
    this.#db = o.db;
    this.#sequence = o.sequence;
    this.#notifier = o.notifier;
    this.#readable = o.readable;
  }

  async publish(ref: Ref, run: string, { id }: { id: string }, events: readonly PublicEvent[]) {
    this.#db.atomically(() => {
      for (const [i, event] of events.entries()) {
        this.#db.run(
          "INSERT OR IGNORE INTO progress (seq, ws, run, id, body) VALUES (?, ?, ?, ?, ?)",
          this.#sequence.take(1),
          ref.workspace,
          run,
          `${id}#${i}`,
          json(event),
        );
      }
    });
    this.#notifier.announceFeed(ref.workspace);
    this.#notifier.announceExecution(ref);
  }

  /** Of a run that has been hidden: its events are shown no more (DELETE-1). */
  forget(run: string): void {
    this.#runs.delete(run);
  }

  async last() {
    return this.#sequence.last();
  }

  async follow({ workspace, execution }: Ref, { after, limit }: { after: number; limit: number }): Promise<FeedReader> {
    let from = after;
    const next = async () => {
      const { items, upTo } = await this.read(workspace, { after: from, limit, execution });
      from = upTo;
      return { items, state: "current" as const };
    };
    return { next };
  }

  async read(workspace: string, p: Scope & { after: number; limit: number }) {
    const upTo = this.#sequence.last(); // FEEDREAD-3
    const items: FeedItem[] = [];
    let characters = 0;
    let unpaused = 0;
    let whole = true;
    for await (const place of this.#places(workspace, p, p.after, upTo)) {
      const { items: found, length } = this.#itemsAt(place);
      for (const item of found) if (item.sequence > p.after) items.push(item);
      characters += length;
      unpaused += length;
      if (items.length >= p.limit || (items.length > 0 && characters >= MOST_CHARACTERS)) {
        whole = false;
        break;
      }
      if (unpaused < CHARACTERS_AT_ONCE) continue;
      unpaused = 0;
      await pause();
    }
    const found = items.slice(0, p.limit);
    return { items: found, upTo: whole ? Math.max(p.after, upTo) : (found.at(-1)?.sequence ?? p.after) };
  }

  /** The rows of a scope with events after `after`, by sequence. */
  async *#places(workspace: string, scope: Scope, after: number, upTo: number): AsyncGenerator<Place> {
    const scoped = scope.run !== undefined || scope.execution !== undefined || scope.root !== undefined;
    if (!scoped) return yield* this.#walk(workspace, after, upTo, () => true);
    if (upTo - after <= NEAR_END) return yield* this.#walk(workspace, after, upTo, this.#belongsTo(scope));
    const runs = this.#runsOf(workspace, scope, after);
    if (runs !== null) return yield* this.#merge(runs, after, upTo);
    const { from, to } = this.#rangeOf(workspace, scope);
    yield* this.#walk(workspace, Math.max(after, from - 1), Math.min(upTo, to), this.#belongsTo(scope));
  }

  #belongsTo(scope: Scope): (run: string) => boolean {
    return (run) => {
      if (scope.run !== undefined && run !== scope.run) return false;
      if (scope.execution === undefined && scope.root === undefined) return true;
      const of = this.#context(run);
      return (
        of !== undefined &&
        (scope.execution === undefined || of.execution === scope.execution) &&
        (scope.root === undefined || of.root === scope.root)
      );
    };
  }

  /** FEEDREAD-1. */
  async *#walk(
    workspace: string,
    after: number,
    upTo: number,
    wanted: (run: string) => boolean,
  ): AsyncGenerator<Place> {
    // The batch that contains `after` may have later events.
    const before = this.#db.one(
      "SELECT seq FROM log WHERE ws = ? AND seq <= ? ORDER BY seq DESC LIMIT 1",
      workspace,
      after,
    );
    let from = Number(before?.seq ?? after + 1);
    for (;;) {
      const rows = this.#db.all(
        `SELECT run, seq, first FROM log WHERE ws = ? AND seq BETWEEN ? AND ? ORDER BY seq LIMIT ${CHUNK}`,
        workspace,
        from,
        upTo,
      );
      const progress = this.#db.all(
        `SELECT run, seq, NULL AS first FROM progress WHERE ws = ? AND seq BETWEEN ? AND ? ORDER BY seq LIMIT ${CHUNK}`,
        workspace,
        Math.max(from, after + 1),
        upTo,
      );
      const { places, to } = chunkOf(rows, progress, upTo);
      for (const place of places) if (wanted(place.run)) yield place;
      if (to >= upTo) return;
      from = to + 1;
      await pause();
    }
  }

  /** The runs of a scope that have events after `after`; null: they are too many (FEEDREAD-2). */
  #runsOf(workspace: string, scope: Scope, after: number): RunOfScope[] | null {
    const [column, value] =
      scope.run !== undefined
        ? ["run", scope.run]
        : scope.execution !== undefined
          ? ["execution", scope.execution]
          : ["root", scope.root!];
    const runs = (lastSeq: string, ...values: number[]) =>
      this.#db.all(
        `SELECT run, first_seq, execution, root FROM runs WHERE ws = ? AND ${column} = ? AND last_seq ${lastSeq}
         LIMIT ${MANY_RUNS + 1}`,
        workspace,
        value,
        ...values,
      );
    const rows = [...runs("> ?", after), ...runs("IS NULL")];
    if (rows.length > MANY_RUNS) return null;
    return rows
      .filter(
        (row) =>
          (scope.execution === undefined || row.execution === scope.execution) &&
          (scope.root === undefined || row.root === scope.root),
      )
      .map((row) => ({ run: String(row.run), firstSeq: Number(row.first_seq) }));
  }

  /** From the first event of a scope of many runs to the last. */
  #rangeOf(workspace: string, scope: Scope): { from: number; to: number } {
    const [column, value] = scope.execution !== undefined ? ["execution", scope.execution] : ["root", scope.root!];
    const ofScope = `FROM runs WHERE ws = ? AND ${column} = ? AND last_seq`;
    const open = this.#db.one(`SELECT 1 ${ofScope} IS NULL LIMIT 1`, workspace, value);
    const last = open ? null : this.#db.one(`SELECT MAX(last_seq) AS seq ${ofScope} > 0`, workspace, value);
    // No event of a tree is older than the first run of the execution that is its root.
    const ofRoot = "FROM runs WHERE ws = ? AND execution = ? AND last_seq";
    const first =
      this.#db.one(`SELECT first_seq AS seq ${ofRoot} > 0 ORDER BY last_seq LIMIT 1`, workspace, value) ??
      this.#db.one(`SELECT first_seq AS seq ${ofRoot} IS NULL`, workspace, value);
    return { from: Number(first?.seq ?? 0), to: Number(last?.seq ?? Number.MAX_SAFE_INTEGER) };
  }

  /** FEEDREAD-2: the rows of some runs in one order. A run is opened only when its events are next. */
  async *#merge(runs: readonly RunOfScope[], after: number, upTo: number): AsyncGenerator<Place> {
    const waiting = runs.toSorted((a, b) => a.firstSeq - b.firstSeq);
    const open: { rows: Iterator<Place>; next: Place }[] = [];
    for (;;) {
      const lowest = Math.min(...open.map(({ next }) => next.seq));
      const start = waiting[0];
      if (start && start.firstSeq <= lowest) {
        waiting.shift();
        const rows = this.#rowsOf(start.run, after, upTo);
        const first = rows.next();
        if (!first.done) open.push({ rows, next: first.value });
        continue;
      }
      const at = open.findIndex(({ next }) => next.seq === lowest);
      const run = open[at];
      if (!run) return;
      yield run.next;
      const next = run.rows.next();
      if (next.done) open.splice(at, 1);
      else run.next = next.value;
      await pause();
    }
  }

  /** The rows of one run with events after `after`, read in chunks. */
  *#rowsOf(run: string, after: number, upTo: number): Generator<Place> {
    let first = this.#batchWith(run, after);
    let seq = after;
    for (;;) {
      const rows = this.#db.all(
        `SELECT run, seq, first FROM log WHERE run = ? AND first >= ? AND seq <= ? ORDER BY first LIMIT ${CHUNK}`,
        run,
        first,
        upTo,
      );
      const progress = this.#db.all(
        `SELECT run, seq, NULL AS first FROM progress WHERE run = ? AND seq > ? AND seq <= ? ORDER BY seq LIMIT ${CHUNK}`,
        run,
        seq,
        upTo,
      );
      const { places, to } = chunkOf(rows, progress, upTo);
      yield* places;
      if (to >= upTo) return;
      first = places.reduce((next, place) => (place.first === null ? next : place.first + 1), first);
      seq = to;
    }
  }

  /** The first event of the batch that contains sequence `after`, or of the one before it: sequences rise with positions. */
  #batchWith(run: string, after: number): number {
    const seqAt = (first: number) =>
      this.#db.one(
        // Batches without a sequence follow the first one.
        `SELECT first, COALESCE(seq, (SELECT seq FROM log WHERE run = ? AND first = 1)) AS seq FROM log
         WHERE run = ? AND first <= ? ORDER BY first DESC LIMIT 1`,
        run,
        run,
        first,
      );
    const last = this.#db.one("SELECT first FROM log WHERE run = ? ORDER BY first DESC LIMIT 1", run);
    let low = 1;
    let high = Number(last?.first ?? 1);
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      const row = seqAt(middle);
      if (row && Number(row.seq) <= after) low = middle;
      else high = Math.min(middle, Number(row?.first ?? middle)) - 1;
    }
    return Math.max(1, Number(seqAt(low)?.first ?? 1));
  }

  #itemsAt(place: Place): { items: FeedItem[]; length: number } {
    const row =
      place.first === null
        ? this.#db.one("SELECT body FROM progress WHERE seq = ?", place.seq)
        : this.#db.one("SELECT body FROM log WHERE run = ? AND first = ?", place.run, place.first);
    if (!row) return { items: [], length: 0 }; // retention has deleted it meanwhile
    const { length } = String(row.body);
    const of = this.#context(place.run);
    if (!of) return { items: [], length };
    const name = place.first === null ? `progress ${place.seq}` : `batch ${place.first} of run ${place.run}`;
    const [items = []] = this.#readable.of(
      [row],
      () => name,
      ({ body }): FeedItem[] => {
        if (place.first === null) return [{ sequence: place.seq, event: progressOf(body) }];
        return storedBatch(String(body)).events.flatMap((event, i) =>
          present(of, event).map((shown) => ({ sequence: place.seq + i, event: shown })),
        );
      },
    );
    return { items, length };
  }

  #context(run: string) {
    const known = this.#runs.get(run);
    if (known) return known;
    const row = this.#db.one(
      `SELECT ws, execution, workflow, display_name, root_chain, root, parent, first_run, continued_from, schedule, attempt FROM runs
       WHERE run = ?`,
      run,
    );
    if (!row) return undefined;
    const context = {
      workspace: String(row.ws),
      execution: String(row.execution),
      workflow: String(row.workflow),
      run,
      display_name: row.display_name as string | null,
      root_chain: String(row.root_chain),
      root: String(row.root),
      parent: row.parent === null ? null : { execution: String(row.parent) },
      first_run: String(row.first_run),
      continued_from: row.continued_from as string | null,
      schedule: row.schedule === null ? null : { id: String(row.schedule) },
      attempt: Number(row.attempt),
    };
    this.#runs.set(run, context);
    return context;
  }
}

function progressOf(body: Row[string] | undefined): PublicEvent {
  const event = parse<PublicEvent>(body);
  shownObject(shownObject(event).wire);
  return event;
}

interface RunOfScope {
  readonly run: string;
  readonly firstSeq: number;
}

/** Rows of both tables merged, up to the sequence `to` through which both were read. */
function chunkOf(log: readonly Row[], progress: readonly Row[], upTo: number): { places: Place[]; to: number } {
  const readTo = (rows: readonly Row[]) => (rows.length < CHUNK ? upTo : Number(rows.at(-1)!.seq));
  const to = Math.min(readTo(log), readTo(progress));
  const places = [...log, ...progress].map(placeOf).filter((place) => place.seq <= to);
  return { places: places.sort((a, b) => a.seq - b.seq), to };
}

const placeOf = (row: Row): Place => ({
  run: String(row.run),
  seq: Number(row.seq),
  first: row.first === null ? null : Number(row.first),
});
