/** Gathers the facts of a step from the view, the worker and the server. */
import { isYounger } from "../../shared/core/decide.ts";
import { type RunState, sessionOf } from "../../shared/core/state.ts";
import type { Facts } from "../../shared/core/step.ts";
import type { Millis } from "../../shared/protocol/history.ts";
import { MAX_STORED_JSON_DEPTH } from "../../shared/protocol/limits.ts";
import { arrivals, type InboxMessage, inOrder } from "../../shared/protocol/messages.ts";
import { toFailure } from "../failure.ts";
import { payloadBytes } from "../json.ts";
import { UndecodedPayloadError } from "./encoding.ts";
import type { ExecutionHost } from "./host.ts";
import type { LocalActivities } from "./local-activities.ts";
import type { RunView } from "./run-view.ts";

/** EXEC-7, bytes: far below what a call may have, for the decisions of workflow code come on top. */
const MESSAGES_AT_ONCE = 4 * 1024 * 1024;
/** The same for outcomes of local activities, which may all come while one call is under way. */
const OUTCOMES_AT_ONCE = 2 * 1024 * 1024;
/** The server is asked again so much later which sessions are alive. */
const ASK_AGAIN_MS: Millis = 2_000;

/** `now`: before the server was asked (`askServer`). */
export function gatherFacts(host: ExecutionHost, view: RunView, local: LocalActivities, now: Millis): Facts {
  const { session } = host.worker;
  const { instance, bug } = view;
  return {
    now,
    recordedAt: host.serverClock.now(),
    session,
    ...nextMessages(view),
    inboxSize: view.inbox.size,
    ending: view.ending,
    replayed: instance !== null,
    bug: bug === null ? null : toFailure(bug),
    quarantines: view.quarantines,
    outcomes: firstOf(local.openOutcomes(), OUTCOMES_AT_ONCE), // the others still count as running
    isRunning: (activity, attempt) => local.isRunning(activity, attempt),
    isDead: (other) => host.sessions.isDead(other),
    canRun: (name) => host.canRun(name) && !(bug instanceof UndecodedPayloadError), // its input may be undecoded
    hasBegun: (activity) => view.begun.has(activity),
    checkSignal: (name, input) =>
      input === TOO_DEEP ? TOO_DEEP.dropped : (instance?.checkSignal(name, input) ?? null),
    checkUpdate: (name, input) =>
      input === TOO_DEEP
        ? { status: 422, failure: { message: TOO_DEEP.dropped } }
        : (instance?.checkUpdate(name, input) ?? null),
  };
}

/**
 * Only the server knows which other sessions are dead, and whether activities that are late to begin have begun. Null: there is nothing
 * to ask, as for most steps.
 */
export function askServer(host: ExecutionHost, execution: string, view: RunView, now: Millis): Promise<void> | null {
  const asked = questions(view, host.worker.session, now);
  return asked && ask(host, execution, view, now, asked);
}

interface Questions {
  readonly others: string[];
  readonly late: number[];
}

async function ask(
  host: ExecutionHost,
  execution: string,
  view: RunView,
  now: Millis,
  { others, late }: Questions,
): Promise<void> {
  // The worker asks after each claim, when a session may have died, and now and then in between: not with every step.
  const mayBeDead = others.some((other) => (host.sessions.diesAt(other) ?? 0) < now);
  if (others.length > 0 && (mayBeDead || now >= view.sessionsAskedAt + ASK_AGAIN_MS)) {
    await host.sessions.ask(others);
    view.sessionsAskedAt = now;
  }
  if (late.length === 0) return;
  const { begun } = await host.worker.transport.call("begun", { execution, run: view.head.run, activities: late });
  for (const activity of begun) view.begun.add(activity);
}

function questions(
  { state, begun }: { state: RunState; begun: ReadonlySet<number> },
  mine: string,
  now: Millis,
): Questions | null {
  let others: Set<string> | undefined;
  const late: number[] = [];
  for (const [number, open] of state.activities) {
    const session = sessionOf(open.where);
    if (session !== null && session !== mine && open.startedAt !== null) {
      others ??= new Set();
      others.add(session);
    }
    const limit = open.options.schedule_to_start_ms;
    const waits = session === null && open.attempt === 1 && !begun.has(number);
    if (waits && limit !== undefined && now >= open.scheduledAt + limit) late.push(number);
  }
  return others === undefined && late.length === 0 ? null : { others: [...(others ?? [])], late };
}

/** Stands for the input of a message that is too deep, of which the history keeps only this. */
const TOO_DEEP = Object.freeze({ dropped: `the input was nested deeper than ${MAX_STORED_JSON_DEPTH} levels` });

/** Messages of an inbox are asked about with every step. */
const shallow = new WeakSet<InboxMessage>();

/** The server refuses such a message; one that is stored must not stop the worker. */
function withoutDepth(message: InboxMessage): InboxMessage {
  if (message.kind !== "signal" && message.kind !== "update") return message;
  if (shallow.has(message)) return message;
  if (isDeep(message.input)) return { ...message, input: TOO_DEEP };
  shallow.add(message);
  return message;
}

function isDeep(value: unknown): boolean {
  let level = [value];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > MAX_STORED_JSON_DEPTH) return true;
    level = level.flatMap((each) => (typeof each === "object" && each !== null ? Object.values(each) : []));
  }
  return false;
}

/** EXEC-7. While there is no instance all messages wait (EXEC-6). */
function nextMessages(view: RunView): Pick<Facts, "messages" | "nextArrival" | "waitsForCode"> {
  const { inbox, state, instance } = view;
  if (inbox.size === 0) return { messages: [], nextArrival: null };
  const all = [...inbox.values()]
    .filter((m) => !isYounger(state, m))
    .map(withoutDepth)
    .sort(inOrder);
  // A step without decisions leaves no event: after a replay the code may have attached no handler yet.
  const waitsForCode = instance !== null && !view.ending && !view.isCaughtUp && all.some((m) => m.kind === "update");
  const messages = instance && !waitsForCode ? firstOf(all, MESSAGES_AT_ONCE) : [];
  return { waitsForCode, messages, nextArrival: arrivals(all)[messages.length] ?? null };
}

/** The first items of `all` that have `most` bytes together, at least one. */
function firstOf<T>(all: T[], most: number): T[] {
  if (all.length < 2) return all;
  let bytes = 0;
  const over = all.findIndex((item) => {
    bytes += payloadBytes(item);
    return bytes > most;
  });
  return over < 0 ? all : all.slice(0, Math.max(1, over));
}
