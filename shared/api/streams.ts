/**
 * Streams of events. What is stored comes first, then what happens, in one order and without a gap between the two.
 *
 * STREAM-1. Delivery ascends strictly by `broker_sequence`; going on after a sequence repeats nothing and leaves out nothing.
 * STREAM-2. The stream of one execution ends after its terminal event. There is none for TERMINATED and TIMED_OUT: it ends
 *     then without one. A run that continues as new does not end it.
 * STREAM-3. Of an id used again, the stream shows the start that was the latest when it was opened.
 */
import type { PublicEvent } from "../core/present.ts";
import type { Ports } from "../ports.ts";
import { notFound, type Refusal } from "../protocol/errors.ts";
import type { Millis } from "../protocol/history.ts";
import { KEEP_ALIVE_SECONDS } from "../protocol/limits.ts";
import type { QueryOf } from "../protocol/routes.ts";
import { type Frame, frameOf, metadataOf } from "./frames.ts";
import { type RequestContext, refTo } from "./request-context.ts";

const PAGE = 200;
const KEEP_ALIVE_MS: Millis = KEEP_ALIVE_SECONDS * 1000;

type Change = (until: Millis, signal: AbortSignal) => Promise<void>;

/**
 * What `look` finds; if it finds `null`, waits for a change first. The change is watched from before the look, so that
 * nothing between looking and waiting is slept through.
 */
async function lookOrWait<T>(
  context: RequestContext,
  until: Millis,
  change: Change,
  look: () => Promise<T[] | null>,
): Promise<T[]> {
  const enough = new AbortController();
  const leave = () => enough.abort();
  context.signal.addEventListener("abort", leave);
  try {
    const changed = change(until, enough.signal);
    const found = await look();
    if (found !== null) return found;
    await changed;
    return [];
  } finally {
    context.signal.removeEventListener("abort", leave);
    enough.abort();
  }
}

const TERMINAL = new Set(["WORKFLOW_EXECUTION_COMPLETED", "WORKFLOW_EXECUTION_FAILED", "WORKFLOW_EXECUTION_CANCELED"]);

/** `after`: the sequence of the last frame that was seen. */
export async function streamExecution(
  context: RequestContext,
  execution: string,
  after: number | undefined,
): Promise<AsyncIterable<Frame> | Refusal> {
  const ref = refTo(context, execution);
  const head = await context.ports.executions.head(ref);
  return head ? executionFrames(context, execution, head.chain, after ?? 0) : notFound("execution", execution);
}

async function* executionFrames(
  context: RequestContext,
  execution: string,
  chain: string,
  from: number,
): AsyncGenerator<Frame> {
  const { ports, workspace } = context;
  const ref = refTo(context, execution);
  const quiet = new KeepAlive(ports);
  let after = from;
  let over = false;
  const read = () => ports.feed.read(workspace, { after, limit: PAGE, execution });
  const look = async () => {
    const items = await read();
    if (items.length > 0) return items;
    const head = await ports.executions.head(ref);
    over = head?.chain !== chain || head.status !== "RUNNING";
    return over ? read() : null; // what the feed of a closed start holds now is all there will be
  };
  const change: Change = (until, signal) => ports.changes.execution(ref, until, signal);
  while (!context.signal.aborted) {
    const items = await lookOrWait(context, quiet.due, change, look);
    for (const item of items) {
      after = item.sequence;
      if (item.event.wire.chain_run_id !== chain) continue; // STREAM-3
      quiet.spoke();
      yield frameOf(workspace, item);
      if (TERMINAL.has(item.event.wire.event_type)) return; // STREAM-2
    }
    if (over && items.length === 0) return;
    if (quiet.isDue()) yield { kind: "keep-alive" };
  }
}

/** `lastEventId`: the sequence of the last frame that was seen; stronger than `start_seq`, which is inclusive. */
export function streamEvents(
  context: RequestContext,
  query: QueryOf<"getStreamEvents">,
  lastEventId: number | undefined,
): AsyncIterable<Frame> {
  return eventFrames(context, query, lastEventId ?? Math.max(0, query.start_seq - 1));
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
  const scope = { ...(execution !== undefined && { execution }), ...(root !== undefined && { root }) };
  const quiet = new KeepAlive(ports);
  let after = from;
  const look = async () => {
    const items = await ports.feed.read(workspace, { after, limit: PAGE, ...scope });
    return items.length > 0 ? items : null;
  };
  const change: Change = (until, signal) => ports.changes.feed(workspace, until, signal);
  while (!context.signal.aborted) {
    const items = await lookOrWait(context, quiet.due, change, look);
    for (const item of items) {
      after = item.sequence;
      if (!wanted(item.event)) continue;
      quiet.spoke();
      yield frameOf(workspace, item);
    }
    if (quiet.isDue()) yield { kind: "keep-alive" };
  }
}

type Test = (event: PublicEvent) => boolean;

function filterOf(query: QueryOf<"getStreamEvents">): Test {
  const tests: Test[] = [];
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

/** When a comment is due: after so long without a frame. */
class KeepAlive {
  readonly #ports: Ports;
  #last: Millis;

  constructor(ports: Ports) {
    this.#ports = ports;
    this.#last = ports.clock.now();
  }
  get due(): Millis {
    return this.#last + KEEP_ALIVE_MS;
  }
  spoke(): void {
    this.#last = this.#ports.clock.now();
  }
  isDue(): boolean {
    if (this.#ports.clock.now() < this.due) return false;
    this.spoke();
    return true;
  }
}
