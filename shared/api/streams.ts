/**
 * Streams of events: first the stored ones, then new ones as they happen, in one order and without a gap.
 *
 * STREAM-1. Frames ascend strictly by `broker_sequence`. A stream resumed after a sequence repeats no event and skips none.
 * STREAM-2. The stream of one execution, by its own path or by `workflow_exec_id`, ends after its terminal event. TERMINATED and TIMED_OUT have no such event: the
 *     stream then ends without one. A run that continues as new does not end the stream, nor does one that a reset has replaced.
 * STREAM-3. If the execution's id is started again, the stream shows only the start that was the latest when it was opened.
 * STREAM-4. A stream goes on from the last event that it has looked at, its own or not. The stream of one execution follows
 *     that execution (FOLLOW-1): where it is quiet, busy ones beside it cost nothing.
 */
import type { PublicEvent } from "../core/present.ts";
import type { FeedItem, FeedReader, Ref } from "../ports.ts";
import { notFound, type Refusal } from "../protocol/errors.ts";
import type { Head } from "../protocol/head.ts";
import type { Millis } from "../protocol/history.ts";
import type { QueryOf } from "../protocol/routes.ts";
import { type Frame, frameOf, metadataOf } from "./frames.ts";
import { KeepAlive } from "./keep-alive.ts";
import { type RequestContext, refTo } from "./request-context.ts";
import { waitFor } from "./wait-for.ts";

const PAGE = 200;

const TERMINAL = new Set(["WORKFLOW_EXECUTION_COMPLETED", "WORKFLOW_EXECUTION_FAILED", "WORKFLOW_EXECUTION_CANCELED"]);

/** `after`: the sequence of the last frame that the client received. */
export async function streamExecution(
  context: RequestContext,
  execution: string,
  after: number | undefined,
): Promise<AsyncIterable<Frame> | Refusal> {
  const ref = refTo(context, execution);
  const head = await context.ports.executions.head(ref);
  return head ? executionFrames(context, execution, head, after ?? 0) : notFound("execution", execution);
}

async function* executionFrames(
  context: RequestContext,
  execution: string,
  { chain, root_chain }: Pick<Head, "chain" | "root_chain">,
  from: number,
): AsyncGenerator<Frame> {
  const { ports, workspace } = context;
  const ref = refTo(context, execution);
  const keepAlive = new KeepAlive(ports.clock);
  let closed = false;
  const look = following(await ports.feed.follow(ref, { after: from, limit: PAGE }), async () => {
    const head = await ports.executions.head(ref);
    closed = head?.chain !== chain || head.status !== "RUNNING";
    return closed;
  });
  const isOfLastRun = async ({ event }: FeedItem) => {
    const head = await ports.executions.head(ref);
    return head?.chain !== chain || head.run === event.wire.workflow_run_id;
  };
  while (!context.signal.aborted) {
    const items = await itemsOrSilence(context, keepAlive, look, (until, signal) =>
      ports.changes.waitForExecution(ref, until, signal),
    );
    for (const item of items) {
      if (item.event.wire.chain_run_id !== root_chain) continue; // STREAM-3
      keepAlive.frameSent();
      yield frameOf(workspace, item);
      if (TERMINAL.has(item.event.wire.event_type) && (await isOfLastRun(item))) return; // STREAM-2
    }
    if (closed && items.length === 0) return;
    if (keepAlive.isDue()) yield { kind: "keep-alive" };
  }
}

/** `lastEventId`: the sequence of the last frame that the client received; overrides `start_seq`, which is inclusive. */
export function streamEvents(
  context: RequestContext,
  query: QueryOf<"getStreamEvents">,
  lastEventId: number | undefined,
): AsyncIterable<Frame> {
  if (query.from_now && lastEventId === undefined) return framesFromNow(context, query);
  return eventFrames(context, query, lastEventId ?? Math.max(0, query.start_seq - 1));
}

async function* framesFromNow(context: RequestContext, query: QueryOf<"getStreamEvents">): AsyncGenerator<Frame> {
  const sequence = await context.ports.feed.last(context.workspace);
  yield { kind: "position", sequence };
  yield* eventFrames(context, query, sequence);
}

async function* eventFrames(
  context: RequestContext,
  query: QueryOf<"getStreamEvents">,
  from: number,
): AsyncGenerator<Frame> {
  const { ports, workspace } = context;
  const wanted = filterOf(query);
  const only = (id: string) => (id === "*" ? undefined : id);
  const execution = only(query.workflow_exec_id);
  const root = execution === undefined ? only(query.root_workflow_exec_id) : undefined;
  const keepAlive = new KeepAlive(ports.clock);
  let closed = false;
  const follow = async (ref: Ref) =>
    following(await ports.feed.follow(ref, { after: from, limit: PAGE }), async () => {
      const head = await ports.executions.head(ref);
      closed = head !== null && head.status !== "RUNNING"; // STREAM-2
      return closed;
    });
  let after = from;
  const readOn = async () => {
    const page = await ports.feed.read(workspace, { after, limit: PAGE, ...(root !== undefined && { root }) });
    after = page.upTo; // STREAM-4
    return page.items.length > 0 ? page.items : undefined;
  };
  const look = execution === undefined ? readOn : await follow(refTo(context, execution));
  // The stream of one execution must see its close, which need not be an event of the feed.
  const changed = (until: Millis, signal: AbortSignal) =>
    execution === undefined
      ? ports.changes.waitForFeed(workspace, until, signal)
      : ports.changes.waitForExecution(refTo(context, execution), until, signal);
  while (!context.signal.aborted) {
    const items = await itemsOrSilence(context, keepAlive, look, changed);
    if (closed && items.length === 0) return;
    for (const item of items) {
      if (!wanted(item.event)) continue;
      keepAlive.frameSent();
      yield frameOf(workspace, item);
    }
    if (keepAlive.isDue()) yield { kind: "keep-alive" };
  }
}

/**
 * A look at what one execution has added. `isClosed` is asked where nothing came, unless the feed's reader knows that the run
 * is open, or that events are still to come.
 */
function following(reader: FeedReader, isClosed: () => Promise<boolean>): () => Promise<FeedItem[] | undefined> {
  return async () => {
    const { items, state } = await reader.next();
    if (items.length > 0) return items;
    if (state !== "current" || !(await isClosed())) return undefined;
    const last = await reader.next(); // the last events may have come before the close was seen
    return last.items.length > 0 || last.state === "current" ? last.items : undefined;
  };
}

type Predicate = (event: PublicEvent) => boolean;

function filterOf(query: QueryOf<"getStreamEvents">): Predicate {
  const tests: Predicate[] = [];
  const equal = (wanted: string, of: (event: PublicEvent) => string | null | undefined) => {
    if (wanted !== "*") tests.push((event) => of(event) === wanted);
  };
  equal(query.scope, (e) => e.scope);
  equal(query.stream, (e) => e.stream);
  equal(query.activity_name, (e) => e.activity?.name);
  equal(query.activity_id, (e) => e.activity?.id);
  equal(query.workflow_name, (e) => e.wire.workflow_name);
  equal(query.workflow_exec_id, (e) => e.wire.workflow_exec_id);
  equal(query.root_workflow_exec_id, (e) => e.wire.root_workflow_exec_id);
  equal(query.parent_workflow_exec_id, (e) => e.wire.parent_workflow_exec_id);
  const types = new Set<string>(query.workflow_event_types);
  if (types.size > 0) tests.push((event) => types.has(event.wire.event_type));
  const metadata = Object.entries(query.metadata_filters);
  if (metadata.length > 0) {
    tests.push((event) => {
      const facts = metadataOf(event);
      return metadata.every(([key, value]) => facts[key] === value);
    });
  }
  return (event) => tests.every((test) => test(event));
}

/** Items for the next frames; none when a keep-alive is due before any came, or when the caller has gone. */
async function itemsOrSilence(
  { ports, signal }: RequestContext,
  keepAlive: KeepAlive,
  look: () => Promise<FeedItem[] | undefined>,
  change: (until: Millis, signal: AbortSignal) => Promise<void>,
): Promise<FeedItem[]> {
  await ports.pause?.(); // a filter may pass over page after page
  return (await waitFor({ look, change, clock: ports.clock, until: keepAlive.due, signal })) ?? [];
}
