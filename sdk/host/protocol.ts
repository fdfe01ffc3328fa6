/**
 * What the worker core and its host say to each other. The core is a worker without code of its own; the host is the program of
 * another language that holds workflow and activity code and has started the core as its child. A frame (`frames.ts`) is one
 * message. Events, stimuli and decisions are those of `shared/protocol/history.ts`: there is no second vocabulary.
 *
 * HOST-1. `call` numbers a request; its answer repeats it. `hello` is the host's only request, and the first frame.
 * HOST-2. An instance is asked one thing at a time, by `give` or `query`, and answers before it is asked the next.
 * HOST-3. The core belongs to its host: when its input ends, the host is dead. Its attempts are abandoned, its leases are
 *     handed back, and the core exits.
 * HOST-4. Every attempt ends with exactly one `outcome`, also when it was cancelled. The core ignores an outcome of an
 *     attempt that it has ended itself.
 * HOST-5. A message of an unknown type, or with another version than `HOST_PROTOCOL`, ends the core with `fatal`. Fields that a
 *     schema does not name are ignored.
 * HOST-6. A host whose core has died ends its session (`stop`) and hands back the tasks that the core held (`extend` by
 *     0 ms), by the calls of `shared/protocol/worker.ts`, so that another worker takes over at once.
 * HOST-7. While the host's process is stopped, and so answers no `ping` (PULSE-4), the core has no worker: it ends its session
 *     and hands back its tasks at once. Attempts that ran are abandoned. When the host answers again, the core registers
 *     under a new session and says `running` again.
 * HOST-8. A run that ends gives its code the rest of the group, and takes the closing decision after the last stimulus, as
 *     INSTANCE-4 says: no recorded message misses its handler. One that continues as new leaves what is not recorded to the next run.
 * HOST-9. A `hello` that names histories to replay starts no worker and calls no server: the core says `running`, replays them with
 *     the host's code, says `replayed`, and exits.
 */
import * as z from "zod";
import { ActivityOptions, DECISIONS, Failure, type Stimulus } from "../../shared/protocol/history.ts";
import { LOG_LEVELS } from "../../shared/protocol/log-records.ts";
import { ReplayResult } from "../../shared/protocol/replay.ts";
import { Progress, WorkflowDefinition } from "../../shared/protocol/worker.ts";

export const HOST_PROTOCOL = 1;

const call = z.int().min(1);
const json = z.unknown();

// --- decisions, as a host takes them ---------------------------------------------------------------------------------

const place = { id: true, at: true, decided: true, code: true, flags: true } as const;
/** The core decides where an activity runs, and which run continues. */
const { activity_scheduled, activity_cancel_requested, execution_continued, ...rest } = DECISIONS;

export const HostDecision = z.discriminatedUnion("kind", [
  activity_scheduled.omit({ ...place, where: true }),
  activity_cancel_requested.omit({ ...place, where: true }),
  execution_continued.omit({ ...place, run: true }),
  rest.timer_started.omit(place),
  rest.timer_cancelled.omit(place),
  rest.child_scheduled.omit(place),
  rest.child_cancel_requested.omit(place),
  rest.update_completed.omit(place),
  rest.update_failed.omit(place),
  rest.custom_task.omit(place),
  rest.patched.omit(place),
  rest.search_keys_set.omit(place),
  rest.execution_completed.omit(place),
  rest.execution_failed.omit(place),
  rest.execution_cancelled.omit(place),
]);
export type HostDecision = z.infer<typeof HostDecision>;

// --- from the host ---------------------------------------------------------------------------------------------------

const Hello = z.object({
  type: z.literal("hello"),
  v: z.literal(HOST_PROTOCOL),
  call,
  /** What the host is made of, for `sirocco deployments`: `python/3.12.1 mistralai-workflows/3.16.0`. */
  host: z.string().min(1).max(200),
  deployment: z.string(),
  worker: z.string(),
  /** Address and key of the server. */
  url: z.string(),
  key: z.string(),
  definitions: z.array(WorkflowDefinition),
  /** Hash of each definition's code by workflow name: histories name it with what it decided. */
  hashes: z.record(z.string(), z.string()),
  activities: z.array(z.string()),
  /** The worker offers sessions, because some of its activities are sticky. */
  sessions: z.boolean().optional(),
  limits: z.object({
    /** Attempts at a time. */
    activities: z.int().min(1),
    /** Executions being advanced at a time. */
    workflows: z.int().min(1),
    /** Executions kept in memory between their steps. */
    cached: z.int().min(0),
  }),
  /** Paths of recorded histories (HOST-9). */
  replay: z.array(z.string()).optional(),
  /** How the core encodes payloads. Absent: not at all. */
  encoding: z
    .object({
      encryption: z
        .object({ mode: z.enum(["full", "partial"]), key: z.string(), previous_keys: z.array(z.string()) })
        .optional(),
      compression: z.object({ min_bytes: z.int().min(0), level: z.int() }).optional(),
      offload: z
        .object({
          min_bytes: z.int().min(0),
          bucket: z.string(),
          prefix: z.string().nullable(),
          region: z.string().nullable(),
          endpoint: z.string().nullable(),
          /** Null: as the client of S3 finds them. */
          credentials: z.object({ access_key_id: z.string(), secret_access_key: z.string() }).nullable(),
        })
        .optional(),
    })
    .optional(),
  /** Lines of user code from this level on go to the server. Absent: none. */
  ship_logs: z.enum([...LOG_LEVELS, "off"]).optional(),
});

/** A line that user code has logged. */
const Line = z.object({
  level: z.enum(LOG_LEVELS),
  message: z.string(),
  fields: z.record(z.string(), z.string()).optional(),
});

const attempt = z.string();
const FROM_HOST = {
  hello: Hello,
  given: z.object({
    type: z.literal("given"),
    call,
    /** One list for each group of the `give`; `HostDecision`s, which the instance reads. */
    decisions: z.array(z.array(json)),
    /** Stimuli of the last group that workflow code was given: fewer than there are where the run continues as new (HOST-8). */
    given: z.int().min(0),
    closed: z.boolean(),
    /** What workflow code has logged, of a live step. */
    lines: z.array(Line).optional(),
    /** Workflow code threw something that is no failure of the execution. */
    bug: Failure.optional(),
  }),
  answered: z.object({ type: z.literal("answered"), call, result: json.optional(), failure: Failure.optional() }),
  outcome: z.object({ type: z.literal("outcome"), attempt, result: json.optional(), failure: Failure.optional() }),
  beat: z.object({ type: z.literal("beat"), attempt, details: z.array(json) }),
  progress: z.object({ type: z.literal("progress"), attempt, progress: Progress.omit({ at: true }) }),
  line: z.object({ type: z.literal("line"), attempt, ...Line.shape }),
  /** `loop`: the loop that runs activities has answered, not only the thread that reads this pipe. `usage`: of its process. */
  pong: z.object({
    type: z.literal("pong"),
    n: z.int(),
    loop: z.boolean(),
    usage: z.object({ cpu_seconds: z.number().min(0), memory_bytes: z.int().min(0) }).optional(),
  }),
  /** No new tasks; what runs may go on for `grace_ms`. */
  stop: z.object({ type: z.literal("stop"), grace_ms: z.int().min(0) }),
};
export const FromHost = z.discriminatedUnion("type", [
  FROM_HOST.hello,
  FROM_HOST.given,
  FROM_HOST.answered,
  FROM_HOST.outcome,
  FROM_HOST.beat,
  FROM_HOST.progress,
  FROM_HOST.line,
  FROM_HOST.pong,
  FROM_HOST.stop,
]);
export type FromHost = z.infer<typeof FromHost>;
export type HostMessage<T extends FromHost["type"]> = Extract<FromHost, { type: T }>;

// --- from the core ---------------------------------------------------------------------------------------------------

const stimulus = z.custom<Stimulus>((value) => typeof value === "object" && value !== null && "kind" in value);

export const FromCore = z.discriminatedUnion("type", [
  /** Said again, with the same `call`, for each further session (HOST-7). */
  z.object({
    type: z.literal("running"),
    call,
    session: z.string(),
    warnings: z.array(z.string()),
    /** A task that is not extended for this long is handed to another worker, ms. */
    lease_ms: z.int(),
  }),
  /** The registration failed and the core ends. `status`: what the server said; 503: it could not be reached. */
  z.object({ type: z.literal("refused"), call, status: z.int(), message: z.string() }),
  z.object({
    type: z.literal("give"),
    call,
    instance: z.string(),
    workflow: z.string(),
    execution: z.string(),
    /** The groups are recorded, and so is what was decided on them. */
    replaying: z.boolean(),
    /** Ids of `patched` decisions that the recorded groups led to; to be known before the first stimulus is given. */
    patches: z.array(z.string()),
    /** The history is so long that the run should continue as new. */
    long: z.boolean(),
    /** Replay: the stimuli of one recorded step in each. Live: one group. */
    groups: z.array(z.array(stimulus)),
    /** So many stimuli of the last group does the history hold already: a run that continues as new gets no others (HOST-8). */
    recorded: z.int().min(0),
  }),
  z.object({ type: z.literal("query"), call, instance: z.string(), name: z.string(), input: json }),
  /** The instance is not asked anything any more. Not answered. */
  z.object({ type: z.literal("drop"), instance: z.string() }),
  z.object({
    type: z.literal("attempt"),
    attempt,
    execution: z.string(),
    run: z.string(),
    workflow: z.string(),
    activity: z.int(),
    name: z.string(),
    args: z.array(json),
    number: z.int().min(1),
    scheduled_at: z.int(),
    options: ActivityOptions,
    /** The same for every attempt of this call. */
    key: z.string(),
    /** Details of an earlier attempt's last `beat`; null: none. */
    last_heartbeat: z.array(json).nullable(),
  }),
  z.object({
    type: z.literal("cancel"),
    attempt,
    why: z.enum(["cancelled", "timed_out", "stopping"]),
    message: z.string(),
  }),
  /** The core holds this task from now on, or no longer. Should the core die, the host hands back what it held (HOST-6). */
  z.object({ type: z.literal("lease"), receipt: z.string(), held: z.boolean() }),
  z.object({ type: z.literal("ping"), n: z.int() }),
  /** The core ends, and why. */
  z.object({ type: z.literal("fatal"), message: z.string() }),
  /** What became of each history; an error says why it does not fit the code. */
  z.object({
    type: z.literal("replayed"),
    results: z.array(ReplayResult),
  }),
  /** Everything has ended after `stop`; so many attempts were abandoned. */
  z.object({ type: z.literal("stopped"), abandoned: z.int() }),
]);
export type FromCore = z.infer<typeof FromCore>;
export type CoreMessage<T extends FromCore["type"]> = Extract<FromCore, { type: T }>;

/** A message of the host, or a sentence that says why it is none. */
export function readFromHost(value: unknown): FromHost | string {
  const parsed = FromHost.safeParse(value);
  if (parsed.success) return parsed.data;
  const { type, v } = (typeof value === "object" && value !== null ? value : {}) as { type?: unknown; v?: unknown };
  if (typeof type !== "string" || !(type in FROM_HOST)) return `this worker core knows no message '${String(type)}'`;
  if (type === "hello" && v !== HOST_PROTOCOL) {
    return `the host speaks version ${String(v)} of the host protocol, this worker core version ${HOST_PROTOCOL}: install both from one release`;
  }
  const [issue] = parsed.error.issues;
  return `message '${type}' of the host: ${issue!.path.join(".")}: ${issue!.message}`;
}
