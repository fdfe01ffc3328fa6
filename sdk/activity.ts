/**
 * `activity(…)`: a unit of work outside the workflow. It runs at least once, is retried by its policy, and has an
 * idempotency key that is the same for all attempts.
 */
import type * as z from "zod";
import type { Duration } from "../shared/lib/duration.ts";
import { milliseconds, positiveMilliseconds } from "../shared/lib/duration.ts";
import { type ActivityOptions, RateLimit } from "../shared/protocol/history.ts";
import { MAX_RATE, MAX_RATE_KEY } from "../shared/protocol/limits.ts";
import { InvalidValueError, UsageError } from "./errors.ts";
import { copyJson, type Json, NotJsonError, toJson, toPayload } from "./json.ts";
import { checkName } from "./names.ts";
import type { ActivityContext, ActivityFrame, ActivityHost } from "./runtime/activity.ts";
import { commandFrame, currentFrame, runIn } from "./runtime/frame.ts";
import { isMessageActivity } from "./runtime/message.ts";
import { limitMs } from "./runtime/passed.ts";
import { SESSION_ACTIVITY } from "./runtime/session.ts";
import { ActivityWait } from "./runtime/waits.ts";
import type { InputArgs, NoValue, ResultOf, Schema, Unchecked } from "./schema.ts";
import { absentIsUndefined, checkAsync, inputJsonSchema, outputJsonSchema } from "./schema.ts";

export interface RetryOptions {
  /** Attempts in total, including the first; 0 = no limit. Default 3. */
  maxAttempts?: number;
  /** Wait before the second attempt. Default 1 s. */
  first?: Duration;
  /** Each further wait is this many times as long as the one before. Default 2. */
  factor?: number;
  /** Upper limit of each wait. Default 100 s. */
  max?: Duration;
  /** Names of error classes after which the activity is not retried. */
  nonRetryable?: readonly string[];
}

export interface ActivityLimits {
  /** Limit on one attempt. Default 5 min. */
  timeout?: Duration;
  /** Limit from the call to the end, over all attempts and the waits between them. Default: no limit. */
  scheduleToClose?: Duration;
  /** Limit from the call until a worker begins the first attempt, if it waits in a queue. Default: no limit. */
  scheduleToStart?: Duration;
  /** Limit on the time between two heartbeats; after it the attempt counts as lost. Default: none are expected. */
  heartbeatTimeout?: Duration;
  retry?: RetryOptions;
  /** Attempts wait until the server lets them begin; they hold no slot while they wait. Default: no limit. */
  rateLimit?: RateLimitOptions;
}

export interface RateLimitOptions {
  /** Attempts that may begin within `per`, on all workers together: 1 to 100,000. */
  max: number;
  /** 1 s to 1 h. */
  per: Duration;
  /** Activities of the workspace that name the same key share one pool. Default: the activity's name. */
  key?: string;
}

export interface ActivityConfig<I extends Schema = Schema, O extends Schema = Schema> extends ActivityLimits {
  /** 1 to 128 of `A-Z a-z 0-9 _ -`. */
  name: string;
  /** Default: the activity takes no input. */
  input?: I;
  /** Default: any result, unchecked. */
  output?: O;
  /** True: it runs on the worker of the `onOneWorker` around the call, and cannot be called without one. Default false. */
  sticky?: boolean;
}

/** An activity, typed by the input of its callers (`In`) and the result that they await (`Out`). */
export interface Activity<In = unknown, Out = unknown> {
  /**
   * In a workflow: a durable call, retried by the policy; rejects with `ActivityError`. In another activity: runs at once
   * as part of that attempt, without retries. Anywhere else: throws `UsageError`.
   */
  (...args: InputArgs<In>): Promise<Out>;
  readonly kind: "activity";
  /** Name of the activity (it replaces the function's own `name`). */
  readonly name: string;
  readonly options: ActivityOptions;
  readonly sticky: boolean;
  readonly input: Schema | undefined;
  readonly output: Schema | undefined;
  readonly fn: (input: never, ctx: ActivityContext) => unknown;
  /** The same activity with other limits for some calls. */
  with(limits: ActivityLimits): Activity<In, Out>;
}
// biome-ignore lint/suspicious/noExplicitAny: a list of activities mixes all kinds of inputs
export type AnyActivity = Activity<any, any>;

/**
 * Defines an activity. `fn` may be sync or async, and may use files, networks and any library. To type `ctx.resources`,
 * declare the parameter as `ctx: ActivityContext<{ db: Db }>`.
 * Throws `UsageError` or `RangeError` for a bad name, limit, or schema that JSON cannot hold.
 */
export function activity<
  I extends Schema = NoValue,
  O extends Schema = Unchecked,
  R extends z.input<O> = z.input<O>,
  Resources = Record<string, unknown>,
>(
  config: ActivityConfig<I, O>,
  fn: (input: z.output<I>, ctx: ActivityContext<Resources>) => R | Promise<R>,
): Activity<z.input<I>, ResultOf<O, R>>;
export function activity(config: ActivityConfig, fn: (input: never, ctx: ActivityContext) => unknown): AnyActivity {
  const name = checkName("activity", config.name);
  if (name === SESSION_ACTIVITY) throw new UsageError(`activity name "${name}" is reserved for onOneWorker().`);
  if (isMessageActivity(name)) throw new UsageError(`activity name "${name}" is reserved for externalExecution().`);
  const what = `activity "${name}"`;
  inputJsonSchema(config.input, `${what}, input`);
  outputJsonSchema(config.output, `${what}, output`);
  return callable({ name, config, fn, absentIsUndefined: absentIsUndefined(config.output) });
}

interface Definition {
  readonly name: string;
  readonly config: ActivityConfig;
  readonly fn: (input: never, ctx: ActivityContext) => unknown;
  readonly absentIsUndefined: boolean;
}

function callable(definition: Definition): AnyActivity {
  const { name, config, fn } = definition;
  const options = optionsOf(config, `activity "${name}"`);
  const call = async (input?: unknown): Promise<unknown> => {
    const frame = currentFrame();
    if (frame?.kind === "activity") return runInline(self, input, frame);
    if (frame === undefined) throw calledOutside(name);
    return schedule(definition, options, input);
  };
  const properties = {
    kind: "activity" as const,
    options,
    sticky: config.sticky ?? false,
    input: config.input,
    output: config.output,
    fn,
    with: (limits: ActivityLimits) =>
      callable({ ...definition, config: { ...config, ...limits, retry: { ...config.retry, ...limits.retry } } }),
  };
  Object.defineProperty(call, "name", { value: name });
  const self = Object.assign(call, properties) as AnyActivity;
  return self;
}

const calledOutside = (name: string) =>
  new UsageError(
    `activity "${name}" was called outside a workflow and outside an activity, where nothing makes it durable. ` +
      "Call it from workflow code. To test its function alone, export that function and call it directly.",
  );

function schedule(definition: Definition, options: ActivityOptions, input: unknown): Promise<unknown> {
  const { name, config } = definition;
  const { ops, scope, session } = commandFrame(`activity "${name}"`);
  if (config.sticky && session === undefined) {
    throw new UsageError(
      `activity "${name}" is sticky and was called outside a session: call it in onOneWorker(async () => { … }).`,
    );
  }
  const json = toPayload(input, `the input of activity "${name}"`);
  const cancelled = scope.takeUndelivered();
  if (cancelled) return Promise.reject(cancelled);
  const request = { name, input: json, options: config.sticky && session ? { ...options, session } : options };
  return new ActivityWait(ops, scope, request, definition.absentIsUndefined).promise;
}

function optionsOf(config: ActivityConfig, what: string): ActivityOptions {
  const { retry = {} } = config;
  const frame = currentFrame();
  const limit = (value: Duration, of: string) =>
    frame?.kind === "workflow" ? limitMs(frame.ops, value, of) : positiveMilliseconds(value, of);
  const optional = (key: "scheduleToClose" | "scheduleToStart" | "heartbeatTimeout") =>
    config[key] === undefined ? undefined : limit(config[key], `${what}, ${key}`);
  const maxAttempts = retry.maxAttempts ?? 3;
  if (!Number.isInteger(maxAttempts) || maxAttempts < 0) {
    throw new RangeError(`${what}, retry.maxAttempts: ${maxAttempts} is not a whole number from 0 (0 = no limit).`);
  }
  const factor = retry.factor ?? 2;
  if (!Number.isFinite(factor) || factor < 1)
    throw new RangeError(`${what}, retry.factor: ${factor} is not a number from 1.`);
  const options: ActivityOptions = {
    start_to_close_ms: limit(config.timeout ?? "5m", `${what}, timeout`),
    retry: {
      max_attempts: maxAttempts,
      first_ms: milliseconds(retry.first ?? "1s", `${what}, retry.first`),
      factor,
      max_ms: milliseconds(retry.max ?? "100s", `${what}, retry.max`),
      non_retryable: [...(retry.nonRetryable ?? [])],
    },
  };
  const close = optional("scheduleToClose");
  const start = optional("scheduleToStart");
  const heartbeat = optional("heartbeatTimeout");
  if (close !== undefined) options.schedule_to_close_ms = close;
  if (start !== undefined) options.schedule_to_start_ms = start;
  if (heartbeat !== undefined) options.heartbeat_ms = heartbeat;
  if (config.rateLimit) options.rate_limit = rateLimitOf(config.rateLimit, config.name, what);
  return options;
}

/** An activity of the worker itself, whose input is recorded by this SDK. */
export function builtInActivity(
  name: string,
  options: ActivityOptions,
  fn: (input: unknown, ctx: ActivityContext) => Json | Promise<Json>,
): AnyActivity {
  const properties = { kind: "activity" as const, options, sticky: false, input: undefined, output: undefined, fn };
  const call = () => Promise.reject(calledOutside(name));
  Object.defineProperty(call, "name", { value: name });
  return Object.assign(call, { ...properties, with: () => builtInActivity(name, options, fn) }) as AnyActivity;
}

function rateLimitOf({ max, per, key = "" }: RateLimitOptions, name: string, what: string): RateLimit {
  const limit = { key: key || name, max, per_ms: milliseconds(per, `${what}, rateLimit.per`) };
  const wrong = RateLimit.safeParse(limit).error?.issues[0];
  if (wrong === undefined) return limit;
  const field = wrong.path[0] === "per_ms" ? "per" : String(wrong.path[0]);
  const allowed = {
    max: `a whole number from 1 to ${MAX_RATE}`,
    per: "from 1 s to 1 h",
    key: `1 to ${MAX_RATE_KEY} characters, none of them a control character`,
  };
  throw new RangeError(`${what}, rateLimit.${field}: it must be ${allowed[field as keyof typeof allowed]}.`);
}

/** Runs one attempt for a worker: takes the recorded input, answers a JSON result, throws what the activity throws. */
export function runActivity(definition: AnyActivity, rawInput: unknown, host: ActivityHost): Promise<Json> {
  const { execution, run, workflow, activity: number, attempt, signal, log } = host;
  const { deployment, scheduledAt, options } = host;
  const context: ActivityContext = {
    execution,
    run,
    workflow,
    activity: number,
    attempt,
    idempotencyKey: `${run}/${number}`,
    signal,
    heartbeat: (details) =>
      host.heartbeat(toPayload(details, `the heartbeat details of activity "${definition.name}"`)),
    lastHeartbeat: copyJson(host.lastHeartbeat ?? undefined),
    info: { name: definition.name, scheduledAt, deployment, options: copyJson(options) },
    resources: (host.resources ?? {}) as Record<string, unknown>,
    log,
  };
  return runIn({ kind: "activity", context, host }, () => runChecked(definition, copyJson(rawInput), context));
}

async function runInline(definition: AnyActivity, input: unknown, frame: ActivityFrame): Promise<unknown> {
  if (definition.options.rate_limit) {
    throw new UsageError(
      `activity "${definition.name}" has a rate limit and was called inside another activity, where nothing holds the limit: ` +
        "call it from workflow code.",
    );
  }
  if (definition.sticky && frame.host.options.session === undefined) {
    throw new UsageError(
      `activity "${definition.name}" is sticky and was called inside an activity that runs in no session: ` +
        "call it from workflow code, in onOneWorker(async () => { … }).",
    );
  }
  const json = toJson(input, `the input of activity "${definition.name}"`);
  const result = await runChecked(definition, json, frame.context);
  return result === null && absentIsUndefined(definition.output) ? undefined : result;
}

async function runChecked(definition: AnyActivity, rawInput: unknown, context: ActivityContext): Promise<Json> {
  const { name } = definition;
  const input = definition.input
    ? await checkAsync(definition.input, rawInput, `the input of activity "${name}"`)
    : (rawInput ?? undefined);
  const returned = await definition.fn(input as never, context);
  const what = `the result of activity "${name}"`;
  const result = definition.output ? await checkAsync(definition.output, returned, what) : returned;
  try {
    return toJson(result, what);
  } catch (error) {
    if (error instanceof NotJsonError) throw new InvalidValueError(error.message); // another attempt would not help
    throw error;
  }
}
