/**
 * The encoding of payloads in a worker. Everything that a worker sends to its server and receives from it passes here.
 *
 * ENCODING-4. Payloads are encoded after workflow code has decided and before the server stores the decisions, and decoded
 *     before workflow code, `fold` and `decide` see them. So no decision depends on an encoding: random nonces, new keys and
 *     other thresholds change the bytes of a history and nothing that a replay compares.
 * ENCODING-5. A payload that came from the server and goes back to it (a signal that the history takes in, the input of
 *     another attempt) goes back as it came. It is not encrypted anew, and not written to a store again.
 * ENCODING-6. A payload that cannot be decoded stays as it is, and code is kept from it: the execution waits with the reason,
 *     as for broken code, until a worker can decode it. Nothing is failed or lost by a wrong key.
 * ENCODING-7. The limit of a payload counts for its encoded form where a result or an answer leaves the worker. What
 *     workflow code passes on (inputs of activities and children) is limited before it is encoded: the limit throws in
 *     workflow code, and must not depend on the options of a worker.
 */
import { isEncoded, isEventPayload, type PayloadCodec, type PayloadContext } from "../../shared/encoding/codec.ts";
import { EncodingError } from "../../shared/encoding/errors.ts";
import { forEachConcurrent } from "../../shared/lib/for-each-concurrent.ts";
import type { Head, OutboxEntry } from "../../shared/protocol/head.ts";
import type { Batch, HistoryEvent } from "../../shared/protocol/history.ts";
import { isObject } from "../../shared/protocol/json-value.ts";
import type { ActivityOutcome, ChildOutcome, InboxMessage } from "../../shared/protocol/messages.ts";
import type {
  ActivityTask,
  Claimed,
  CloseItem,
  Delivery,
  WorkerAnswer,
  WorkerBody,
  WorkerOperation,
} from "../../shared/protocol/worker.ts";
import type { CallOptions, Transport } from "./transport.ts";

/** The store may be asked for so many payloads of one call at a time. */
const AT_ONCE = 16;

/** Stands for a payload that cannot be decoded (ENCODING-6). As JSON it is the payload. */
export class UndecodedPayload {
  readonly why: EncodingError;
  readonly #encoded: unknown;

  constructor(encoded: unknown, why: EncodingError) {
    this.#encoded = encoded;
    this.why = why;
  }

  toJSON(): unknown {
    return this.#encoded;
  }
}

/** A payload of this execution cannot be decoded: its code is not run, and waits for a worker that can. */
export class UndecodedPayloadError extends Error {
  constructor(what: string, why: EncodingError) {
    super(
      `${what} cannot be decoded: ${why.message}. The execution is not failed: it goes on when a worker with the right ` +
        "encoding takes it (runWorker({ encoding }))",
      { cause: why },
    );
    this.name = "UndecodedPayloadError";
  }
}

const undecoded = (value: unknown, what: string): UndecodedPayloadError | null =>
  value instanceof UndecodedPayload ? new UndecodedPayloadError(what, value.why) : null;

/** The reason why workflow code cannot be given these events; null = it can. */
export function undecodedEvent(events: readonly HistoryEvent[]): UndecodedPayloadError | null {
  for (const e of events) {
    const of = `of event ${e.id} (${e.kind})`;
    const found =
      ("input" in e && undecoded(e.input, `the input ${of}`)) ||
      ("result" in e && undecoded(e.result, `the result ${of}`));
    if (found) return found;
  }
  return null;
}

/** The reason why workflow code cannot be given these messages; null = it can. */
export function undecodedMessage(messages: Iterable<InboxMessage>): UndecodedPayloadError | null {
  for (const m of messages) {
    const found =
      m.kind === "signal" || m.kind === "update"
        ? undecoded(m.input, `the input of ${m.kind} "${m.name}"`)
        : m.kind !== "cancel" && m.outcome.kind === "completed" && undecoded(m.outcome.result, `a result (${m.id})`);
    if (found) return found;
  }
  return null;
}

export const undecodedInput = (input: unknown, what: string): UndecodedPayloadError | null => undecoded(input, what);

async function decodedOrNot(codec: PayloadCodec, value: unknown): Promise<unknown> {
  if (!isEncoded(value)) return value;
  try {
    return await codec.decode(value);
  } catch (error) {
    if (!(error instanceof EncodingError)) throw error;
    // Without a step it is no more than base64, and may as well be an object of the user.
    return value.encoding_options.length === 0 ? value : new UndecodedPayload(value, error);
  }
}

/** Recorded events with decoded payloads, for a replay. */
export async function decodedEvents(codec: PayloadCodec, events: readonly HistoryEvent[]): Promise<HistoryEvent[]> {
  const decoded = [...events];
  await forEachConcurrent(AT_ONCE, events.entries(), async ([i, event]) => {
    if (isEncodedEvent(event)) decoded[i] = await changedEvent(event, (value) => decodedOrNot(codec, value), "");
  });
  return decoded;
}

/** A payload as it is stored; `execution`: whose it is. */
type Change = (value: unknown, execution: string) => Promise<unknown>;

export class WorkerEncoding {
  static #busy = 0;

  /** How many calls of this process are being encoded or decoded. */
  static get busy(): number {
    return WorkerEncoding.#busy;
  }

  readonly #codec: PayloadCodec;
  readonly #log: { warn(message: string, fields?: Record<string, unknown>): void };
  /** Of the server; known from the registration. */
  #namespace = "default";
  /** ENCODING-5. */
  readonly #encoded = new WeakMap<object, unknown>();
  /** `#encoded` may have an entry. */
  #keeps = false;

  constructor(codec: PayloadCodec, log: { warn(message: string, fields?: Record<string, unknown>): void }) {
    this.#codec = codec;
    this.#log = log;
  }

  /** The calls of a worker: bodies are encoded, answers are decoded. */
  transport(inner: Transport): Transport {
    return {
      ...(inner.inParts && { inParts: true }),
      call: async <K extends WorkerOperation>(operation: K, body: WorkerBody<K>, options?: CallOptions) => {
        const sent = this.#goesAsItIs(operation, body) ? body : await this.#during(this.#sent(operation, body));
        const answer = await inner.call(operation, sent, options);
        return hasNoPayload(operation, answer) ? answer : this.#during(this.#received(operation, answer, body));
      },
      close: () => inner.close(),
    };
  }

  /** Tasks, wherever they came from. */
  tasks(deliveries: readonly Delivery[]): Promise<Delivery[]> {
    const decoded = deliveries.map(async (delivery) => {
      const { task, claimed } = delivery;
      if (claimed) return { ...delivery, claimed: await this.#claimed(claimed) };
      if (task.kind === "workflow" || !isEncoded(task.input)) return delivery;
      return { ...delivery, task: { ...task, input: (await this.#decode(task.input)) as never } };
    });
    return this.#during(Promise.all(decoded));
  }

  /**
   * Encodes a result or an answer ahead of the call that sends it, for its size (ENCODING-7). The call sends this form of an
   * object again. Throws `EncodingError`.
   */
  encoded(value: unknown, execution: string): unknown | Promise<unknown> {
    return this.#codec.encodes || this.#keeps || isEncoded(value)
      ? this.#during(this.#encode(value, execution))
      : value;
  }

  async #during<T>(work: Promise<T>): Promise<T> {
    WorkerEncoding.#busy += 1;
    try {
      return await work;
    } finally {
      WorkerEncoding.#busy -= 1;
    }
  }

  // --- one payload ---------------------------------------------------------------------------------------------

  #encode: Change = async (value, execution) => {
    const known = typeof value === "object" && value !== null ? this.#encoded.get(value) : undefined;
    if (known !== undefined) return known;
    const encoded = await this.#codec.encode(value, this.#context(execution));
    if (encoded !== value && typeof value === "object") this.#keep(value as object, encoded);
    return encoded;
  };

  async #decode(value: unknown): Promise<unknown> {
    const decoded = await decodedOrNot(this.#codec, value);
    if (decoded !== value && typeof decoded === "object" && decoded !== null) this.#keep(decoded, value);
    return decoded;
  }

  #keep(decoded: object, encoded: unknown): void {
    this.#encoded.set(decoded, encoded);
    this.#keeps = true;
  }

  #context = (execution: string): PayloadContext => ({ namespace: this.#namespace, execution });

  // --- calls ---------------------------------------------------------------------------------------------------

  /** The call of steps and closes, in a worker that neither encodes nor has decoded anything (ENCODING-5). */
  #goesAsItIs(operation: WorkerOperation, body: unknown): boolean {
    if (senders[operation] === null) return true;
    if (this.#codec.encodes || this.#keeps) return false;
    if (operation === "close") return isBareClose(body as CloseItem);
    if (operation !== "append") return false;
    const { items, closes } = body as WorkerBody<"append">;
    return (
      items.every(({ batch }) => batch.events.every(isBare)) && (closes === undefined || closes.every(isBareClose))
    );
  }

  async #sent<K extends WorkerOperation>(operation: K, body: WorkerBody<K>): Promise<WorkerBody<K>> {
    const send = senders[operation] as ((body: WorkerBody<K>, tools: Tools) => Promise<WorkerBody<K>>) | null;
    return send ? send(body, this.#tools) : body;
  }

  #tools: Tools = {
    encode: this.#encode,
    encodeEvent: async (attributes) => {
      const { payload } = attributes as { payload?: unknown };
      return isEventPayload(payload) ? { ...attributes, payload: await this.#codec.encodeEvent(payload) } : attributes;
    },
    encodeSchedule: async (schedule) => {
      if (!isObject(schedule) || !isObject(schedule.input) || isEncoded(schedule.input)) return schedule;
      const input = await this.#codec.encode(schedule.input, this.#context("__scheduled_workflow__"), {
        offload: false,
      });
      if (input === schedule.input) return schedule;
      return { ...schedule, input: { ...(input as object), input_hash: this.#codec.inputHash(schedule.input) } };
    },
  };

  async #received<K extends WorkerOperation>(
    operation: K,
    answer: WorkerAnswer<K>,
    body: WorkerBody<K>,
  ): Promise<WorkerAnswer<K>> {
    switch (operation) {
      case "register":
        this.#namespace = (answer as WorkerAnswer<"register">).workspace;
        return answer;
      case "claim": {
        const claimed = answer as WorkerAnswer<"claim">;
        return (claimed.kind === "claimed" ? await this.#claimed(claimed) : claimed) as WorkerAnswer<K>;
      }
      case "read": {
        const read = answer as WorkerAnswer<"read">;
        return {
          ...read,
          head: await this.#head(read.head),
          batches: await this.#batches(read.batches),
        } as WorkerAnswer<K>;
      }
      case "append": {
        const appended = answer as WorkerAnswer<"append">;
        const results = appended.results.map(async (result) =>
          result.kind === "appended" && result.messages.length > 0
            ? { ...result, messages: await this.#messages(result.messages) }
            : result,
        );
        return { ...appended, results: await Promise.all(results) } as WorkerAnswer<K>;
      }
      case "begin": {
        const begun = answer as WorkerAnswer<"begin">;
        const details = await this.#decode(begun.heartbeat_details);
        if (!(details instanceof UndecodedPayload)) return { ...begun, heartbeat_details: details } as WorkerAnswer<K>;
        const { execution, activity } = body as WorkerBody<"begin">;
        this.#log.warn(`heartbeat details cannot be decoded, the attempt begins without them: ${details.why.message}`, {
          execution,
          activity,
        });
        return { ...begun, heartbeat_details: null } as WorkerAnswer<K>;
      }
      case "message": {
        const answered = answer as WorkerAnswer<"message">;
        return (
          answered.kind === "answered" ? { ...answered, result: await this.#decode(answered.result) } : answered
        ) as WorkerAnswer<K>;
      }
      default:
        return answer;
    }
  }

  async #claimed(claimed: Claimed): Promise<Claimed> {
    const { head, batches, messages } = claimed;
    return {
      ...claimed,
      head: await this.#head(head),
      batches: await this.#batches(batches),
      messages: await this.#messages(messages),
    } as Claimed;
  }

  async #head(head: Head): Promise<Head> {
    if (!isEncoded(head.input) && !isEncoded(head.result)) return head;
    return {
      ...head,
      input: (await this.#decode(head.input)) as never,
      result: (await this.#decode(head.result)) as never,
    };
  }

  async #batches(batches: readonly Batch[]): Promise<readonly Batch[]> {
    if (!batches.some(({ events }) => events.some(isEncodedEvent))) return batches;
    const decoded = batches.map((batch) => ({ ...batch, events: [...batch.events] }));
    const found = decoded.flatMap(({ events }) =>
      events.flatMap((event, i) => (isEncodedEvent(event) ? [{ events, event, i }] : [])),
    );
    await forEachConcurrent(AT_ONCE, found, async ({ events, event, i }) => {
      events[i] = await changedEvent(event, (value) => this.#decode(value), "");
    });
    return decoded;
  }

  async #messages(messages: readonly InboxMessage[]): Promise<readonly InboxMessage[]> {
    if (messages.length === 0) return messages;
    const decoded = [...messages];
    await forEachConcurrent(AT_ONCE, messages.entries(), async ([i, m]) => {
      if (m.kind === "signal" || m.kind === "update") {
        if (isEncoded(m.input)) decoded[i] = { ...m, input: (await this.#decode(m.input)) as never };
      } else if (m.kind !== "cancel" && m.outcome.kind === "completed" && isEncoded(m.outcome.result)) {
        const result = (await this.#decode(m.outcome.result)) as never;
        decoded[i] = { ...m, outcome: { ...m.outcome, result } } as InboxMessage;
      }
    });
    return decoded;
  }
}

// --- the payloads in what a worker sends -------------------------------------------------------------------------

interface Tools {
  readonly encode: Change;
  readonly encodeEvent: (attributes: Readonly<Record<string, unknown>>) => Promise<Readonly<Record<string, unknown>>>;
  readonly encodeSchedule: (schedule: unknown) => Promise<unknown>;
}

const isEncodedEvent = (e: HistoryEvent): boolean =>
  ("input" in e && isEncoded(e.input)) ||
  ("result" in e && isEncoded(e.result)) ||
  ("task" in e && isObject(e.task) && isEncoded(e.task.input));

/** No payload of the event is encoded, and none has paths of encrypted texts beside it. */
const isBare = (e: HistoryEvent): boolean => e.kind !== "custom_task" && !isEncodedEvent(e);

const isBareClose = ({ batch, outbox, result }: CloseItem): boolean =>
  batch.events.every(isBare) && outbox.every(({ kind }) => kind !== "tell_parent") && result === undefined;

/** Answers of this kind have no payload, or this one has none. */
function hasNoPayload(operation: WorkerOperation, answer: unknown): boolean {
  switch (operation) {
    case "register":
    case "claim":
    case "read":
    case "begin":
    case "message":
      return false;
    case "append":
      return (answer as WorkerAnswer<"append">).results.every((r) => r.kind !== "appended" || r.messages.length === 0);
    default:
      return true;
  }
}

/** The event with other payloads. The attributes of a task's event are no payload of code: a replay does not read them. */
async function changedEvent(event: HistoryEvent, change: Change, execution: string): Promise<HistoryEvent> {
  let changed = event;
  if ("input" in changed) changed = { ...changed, input: await change(changed.input, execution) } as HistoryEvent;
  if ("result" in changed) changed = { ...changed, result: await change(changed.result, execution) } as HistoryEvent;
  if ("task" in changed && isObject(changed.task)) {
    const task = { ...changed.task, input: await change(changed.task.input, execution) };
    changed = { ...changed, task } as HistoryEvent;
  }
  return changed;
}

async function sentBatch(batch: Batch, execution: string, tools: Tools): Promise<Batch> {
  const events: HistoryEvent[] = [];
  for (const event of batch.events) {
    if (event.kind === "custom_task")
      events.push({ ...event, attributes: (await tools.encodeEvent(event.attributes)) as never });
    else events.push(await changedEvent(event, tools.encode, execution));
  }
  return { ...batch, events };
}

async function sentClose(item: CloseItem, tools: Tools): Promise<CloseItem> {
  const { execution } = item;
  return {
    ...item,
    batch: await sentBatch(item.batch, execution, tools),
    outbox: await Promise.all(item.outbox.map((entry) => sentEntry(entry, execution, tools))),
    ...("result" in item && { result: (await tools.encode(item.result, execution)) as never }),
  };
}

async function sentOutcome<O extends ActivityOutcome | ChildOutcome>(
  outcome: O,
  execution: string,
  tools: Tools,
): Promise<O> {
  return outcome.kind === "completed" ? { ...outcome, result: await tools.encode(outcome.result, execution) } : outcome;
}

async function sentEntry(entry: OutboxEntry, execution: string, tools: Tools): Promise<OutboxEntry> {
  return entry.kind === "tell_parent"
    ? { ...entry, outcome: await sentOutcome(entry.outcome, execution, tools) }
    : entry;
}

/** Null: its body has no payload. An operation must say so, that no new one sends payloads as they are. */
type Senders = {
  readonly [K in WorkerOperation]: ((body: WorkerBody<K>, tools: Tools) => Promise<WorkerBody<K>>) | null;
};

async function sentTask<B extends { readonly task: ActivityTask }>(body: B, tools: Tools): Promise<B> {
  const { task } = body;
  return { ...body, task: { ...task, input: await tools.encode(task.input, task.execution) } };
}

const senders: Senders = {
  async register(body, tools) {
    const definitions = body.definitions.map(async (definition) => ({
      ...definition,
      schedules: (await Promise.all(definition.schedules.map(tools.encodeSchedule))) as never,
    }));
    return { ...body, definitions: await Promise.all(definitions) };
  },
  heartbeat: null,
  stop: null,
  sessions: null,
  poll: null,
  extend: null,
  task: null,
  finish: null,
  claim: null,
  async append(body, tools) {
    const items = body.items.map(async (item) => ({
      ...item,
      batch: await sentBatch(item.batch, item.execution, tools),
    }));
    const closes = body.closes?.map((item) => sentClose(item, tools));
    return { items: await Promise.all(items), ...(closes && { closes: await Promise.all(closes) }) };
  },
  park: null,
  close: sentClose,
  discard: null,
  read: null,
  async begin(body, tools) {
    const { queued, execution } = body;
    if (!queued) return body;
    return { ...body, queued: { ...queued, input: (await tools.encode(queued.input, execution)) as never } };
  },
  async beat(body, tools) {
    if (!("details" in body)) return body;
    return { ...body, details: (await tools.encode(body.details, body.execution)) as never };
  },
  begun: null,
  async outcome(body, tools) {
    return { ...body, outcome: await sentOutcome(body.outcome, body.execution, tools) };
  },
  retrying: null,
  pass: sentTask,
  renew: sentTask,
  async permit({ items }, tools) {
    return { items: await Promise.all(items.map((item) => sentTask(item, tools))) };
  },
  async publish(body, tools) {
    const events = body.events.map(async (event) => ({
      ...event,
      attributes: (await tools.encodeEvent(event.attributes)) as never,
    }));
    return { ...body, events: await Promise.all(events) };
  },
  async message(body, tools) {
    const { message, to } = body;
    if (message.kind === "cancel") return body;
    return { ...body, message: { ...message, input: (await tools.encode(message.input, to)) as never } };
  },
  logs: null, // its lines are text that code writes for others to read
  answer: null, // its result was encoded for its size
};
