/**
 * Recognises the commonest bodies of `append` and `close`, those of steps of activities and timers and of runs that complete
 * (also beside each other, JOIN-1), without the schema, whose walk through such a body takes several times as long.
 *
 * PLAIN-1. Where this answers true, the schema of the operation accepts the body and answers an equal one. It may answer false
 *     for any body: the schema decides then, and says what is wrong. A test holds the two against each other.
 */
import { isName, RESERVED_EXECUTION_IDS } from "./ids.ts";
import { isObject } from "./json-value.ts";
import { MAX_ACTIVITY_NAME, MAX_EXECUTION_ID, MAX_STEP_ITEMS, MAX_WORKER_LIST } from "./limits.ts";
import { isLength, isTime } from "./times.ts";

type Fields = Record<string, unknown>;

export function isPlainAppend(body: unknown): boolean {
  if (!isObject(body)) return false;
  const { items, closes } = body;
  if (size(body) !== (closes === undefined ? 1 : 2)) return false;
  return isListOf(items, isItem) && (closes === undefined || isListOf(closes, isPlainClose));
}

const isListOf = (items: unknown, isOne: (item: unknown) => boolean): boolean =>
  Array.isArray(items) && items.length <= MAX_STEP_ITEMS && items.every(isOne);

function isItem(item: unknown): boolean {
  if (!isObject(item)) return false;
  const { look } = item;
  if (size(item) !== (look === undefined ? 6 : 7)) return false;
  return isWrite(item) && (look === undefined || typeof look === "boolean");
}

export function isPlainClose(body: unknown): boolean {
  if (!isObject(body)) return false;
  const { failure, outbox, carried, finish } = body;
  return (
    size(body) === (finish === undefined ? 9 : 10) &&
    isWrite(body) &&
    failure === null &&
    isEmpty(outbox) &&
    isEmpty(carried) &&
    (finish === undefined || areReceipts(finish))
  );
}

/** What an append and a close have in common. */
function isWrite({ execution, run, chain, fence, batch, taken }: Fields): boolean {
  return (
    isName(execution, MAX_EXECUTION_ID) &&
    !RESERVED_EXECUTION_IDS.includes(execution) &&
    isUuid(run) &&
    isUuid(chain) &&
    isInt(fence) &&
    isEmpty(taken) &&
    isObject(batch) &&
    isBatch(batch)
  );
}

function isBatch(batch: Fields): boolean {
  const { first, events, append_id } = batch;
  return (
    size(batch) === 3 &&
    isAtLeast(first, 2) &&
    isUuid(append_id) &&
    Array.isArray(events) &&
    events.length > 0 &&
    events.every((event) => isObject(event) && size(event) === baseOf(event) + ownOf(event))
  );
}

/** How many of the fields that all events may have this one has; NaN: one of them is not plain. */
function baseOf({ id, at, decided, code, flags }: Fields): number {
  if (!isAtLeast(id, 1) || !isInt(at) || flags !== undefined) return Number.NaN;
  if (decided !== undefined && !isAtLeast(decided, 1)) return Number.NaN;
  if (code !== undefined && typeof code !== "string") return Number.NaN;
  return 3 + (decided === undefined ? 0 : 1) + (code === undefined ? 0 : 1);
}

/** How many further fields the event has; NaN: it is not plain. */
function ownOf(event: Fields): number {
  switch (event.kind) {
    case "activity_completed":
      return isActivity(event) && event.result !== undefined ? 3 : Number.NaN;
    case "activity_scheduled": {
      const { input, where, args, options } = event;
      if (!isActivity(event) || input === undefined || args !== undefined) return Number.NaN;
      return isPlace(where) && isObject(options) && areOptions(options) ? 5 : Number.NaN;
    }
    case "execution_completed":
      return event.result === undefined ? Number.NaN : 1;
    case "timer_fired":
      return isInt(event.timer) ? 1 : Number.NaN;
    case "timer_started":
      return isInt(event.timer) && isTime(event.fire_at) ? 2 : Number.NaN;
    default:
      return Number.NaN;
  }
}

const isActivity = ({ activity, name }: Fields): boolean => isAtLeast(activity, 1) && isName(name, MAX_ACTIVITY_NAME);

const isPlace = (where: unknown): boolean =>
  where === "queue" || (typeof where === "string" && where.startsWith("local:") && isUuid(where.slice(6)));

const TIMES = ["start_to_close_ms", "schedule_to_close_ms", "schedule_to_start_ms", "heartbeat_ms"];

function areOptions(options: Fields): boolean {
  let fields = 1;
  for (const name of TIMES) {
    const time = options[name];
    if (time === undefined) continue;
    if (!isLength(time)) return false;
    fields += 1;
  }
  const { retry } = options;
  return size(options) === fields && isObject(retry) && isRetry(retry);
}

function isRetry(retry: Fields): boolean {
  const { max_attempts, first_ms, factor, max_ms, non_retryable } = retry;
  return (
    size(retry) === 5 &&
    isAtLeast(max_attempts, 0) &&
    isLength(first_ms) &&
    typeof factor === "number" &&
    factor >= 1 &&
    isLength(max_ms) &&
    Array.isArray(non_retryable) &&
    non_retryable.length === 0
  );
}

const isEmpty = (value: unknown): boolean => Array.isArray(value) && value.length === 0;
const areReceipts = (value: unknown): boolean =>
  Array.isArray(value) && value.length <= MAX_WORKER_LIST && value.every((each) => typeof each === "string");

const isInt = (value: unknown): value is number => Number.isSafeInteger(value);
const isAtLeast = (value: unknown, least: number): boolean => isInt(value) && value >= least;

/** As the server and the SDK write them. The schema accepts some more. */
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const isUuid = (value: unknown): boolean => typeof value === "string" && UUID.test(value);

function size(fields: Fields): number {
  let n = 0;
  for (const _ in fields) n += 1;
  return n;
}
