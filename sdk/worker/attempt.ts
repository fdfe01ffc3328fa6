/**
 * One attempt of an activity in this process: its time limits, its heartbeats, its cancellation. The outcome is a
 * value; what follows from it (a retry, an event) is decided elsewhere.
 *
 * ATTEMPT-1. The outcome is decided once: whatever the function does after a limit has passed is ignored.
 * ATTEMPT-2. Heartbeat details reach the server at most once a `THROTTLE`, one call at a time, the last of them always before
 *     the outcome.
 * ATTEMPT-3. An attempt that does not beat asks now and then whether it is still wanted, ever more rarely.
 * ATTEMPT-4. One that is cancelled or abandoned before its function was entered never enters it.
 */
import type { ActivityOptions, AttemptEnd, Millis } from "../../shared/protocol/history.ts";
import { MAX_PAYLOAD_BYTES } from "../../shared/protocol/limits.ts";
import type { ActivityOutcome } from "../../shared/protocol/messages.ts";
import type { ActivityRef, Progress } from "../../shared/protocol/worker.ts";
import { runActivity } from "../activity.ts";
import { CancelledError, TimeoutError } from "../errors.ts";
import { toFailure } from "../failure.ts";
import { payloadBytes } from "../json.ts";
import type { WorkerContext } from "./types.ts";

const THROTTLE: Millis = 1_000;
const FIRST_ASK: Millis = 10_000;
const LAST_ASK: Millis = 60_000;

export interface AttemptRequest {
  readonly ref: ActivityRef;
  readonly workflow: string;
  readonly name: string;
  readonly input: unknown;
  readonly options: ActivityOptions;
  /** By the clock of this process. */
  readonly scheduledAt: Millis;
  /** The server's time. */
  readonly serverNow: () => Millis;
  /** Details that an earlier attempt left; null = none. */
  readonly lastHeartbeat: unknown;
}

export interface Attempt {
  readonly outcome: Promise<ActivityOutcome>;
  /** A later attempt has begun: a failure of this one says nothing about the activity. */
  readonly superseded: boolean;
  /** Tells the function that it is not wanted any more. */
  cancel(reason: string): void;
  /** Ends the attempt at once; its outcome stays open for ever. */
  abandon(): void;
}

export function startAttempt(worker: WorkerContext, request: AttemptRequest): Attempt {
  const { clock, transport, log } = worker;
  const { ref, name, options } = request;
  const abort = new AbortController();
  const timers = new Set<() => void>();
  let settled = false;
  let resolve!: (outcome: ActivityOutcome) => void;
  const outcome = new Promise<ActivityOutcome>((ok) => {
    resolve = ok;
  });

  const later = (ms: Millis, fn: () => void) => {
    const cancel = clock.at(clock.now() + ms, () => {
      timers.delete(cancel);
      fn();
    });
    timers.add(cancel);
    return cancel;
  };
  const stop = () => {
    settled = true;
    for (const cancel of timers) cancel();
    timers.clear();
  };

  let beating: Promise<unknown> = Promise.resolve();
  let publishing: Promise<unknown> = Promise.resolve();
  const settle = async (value: ActivityOutcome) => {
    if (settled) return; // ATTEMPT-1
    stop();
    await Promise.allSettled([flushBeat(), flushProgress()]); // ATTEMPT-2, and progress comes before the outcome
    resolve(value);
  };
  const fail = (reason: AttemptEnd, error: unknown) => {
    void settle({ kind: "failed", reason, failure: toFailure(error) });
  };
  const end = (reason: AttemptEnd, error: Error) => {
    abort.abort(error);
    fail(reason, error);
  };

  // Limits
  if (options.start_to_close_ms !== undefined) {
    const limit = options.start_to_close_ms;
    later(limit, () =>
      end("start_to_close", new TimeoutError(`activity ${name} did not end within ${limit} ms`, "start_to_close")),
    );
  }
  if (options.schedule_to_close_ms !== undefined) {
    const limit = options.schedule_to_close_ms;
    const left = Math.max(0, request.scheduledAt + limit - clock.now());
    later(left, () =>
      end(
        "schedule_to_close",
        new TimeoutError(`activity ${name} did not end within ${limit} ms of being scheduled`, "schedule_to_close"),
      ),
    );
  }
  let heardAt = clock.now();
  const hear = () => {
    heardAt = clock.now();
  };
  const listen = (limit: Millis) => {
    later(heardAt + limit - clock.now(), () => {
      if (clock.now() < heardAt + limit) listen(limit);
      else end("heartbeat", new TimeoutError(`activity ${name} gave no heartbeat for ${limit} ms`, "heartbeat"));
    });
  };
  if (options.heartbeat_ms !== undefined) listen(options.heartbeat_ms);

  // Heartbeats, and asking whether the attempt is still wanted
  let details: { value: unknown } | null = null;
  let lastSent = Number.NEGATIVE_INFINITY;
  let beatTimer: (() => void) | null = null;
  const ask = (body: { details?: never }, retry: boolean) =>
    transport.call("beat", { ...ref, ...body }, { retry }).then(
      (answer) => {
        if (answer.superseded) supersede();
        else if (answer.cancel_requested) cancel("cancellation was requested");
        else if (!answer.wanted) cancel("the execution does not wait for it any more");
      },
      (error) => log.warn("a heartbeat did not reach the server", { activity: name, error }),
    );
  const flushBeat = (): Promise<unknown> => {
    if (beatTimer) {
      beatTimer();
      timers.delete(beatTimer);
      beatTimer = null;
    }
    // The newest details at the time when it is their turn; a later flush may find nothing left to say.
    beating = beating.then(() => {
      if (!details) return;
      const { value } = details;
      details = null;
      lastSent = clock.now();
      return ask({ details: (value ?? null) as never }, true);
    });
    return beating;
  };
  const heartbeat = (value: unknown) => {
    if (settled) return;
    hear();
    const flushing = details !== null; // and has not been sent: it will be, with this
    details = { value };
    if (flushing) return;
    const wait = lastSent + THROTTLE - clock.now();
    if (wait <= 0) void flushBeat();
    else beatTimer = later(wait, () => void flushBeat());
  };
  let pause = FIRST_ASK;
  const askLater = () =>
    later(pause, () => {
      pause = Math.min(LAST_ASK, pause * 2);
      if (clock.now() - lastSent > FIRST_ASK) void ask({}, false); // ATTEMPT-3
      askLater();
    });
  askLater();

  // Progress
  let progress: Progress[] = [];
  let progressTimer: (() => void) | null = null;
  const flushProgress = (): Promise<unknown> => {
    if (progressTimer) {
      progressTimer();
      timers.delete(progressTimer);
      progressTimer = null;
    }
    if (progress.length === 0) return publishing;
    const events = progress;
    progress = [];
    const body = {
      execution: ref.execution,
      run: ref.run,
      activity: ref.activity,
      activity_name: name,
      publish_id: worker.uuid(),
      events,
    };
    publishing = publishing
      .then(() => transport.call("publish", body))
      .catch((error) => log.warn("progress of an activity was not published", { activity: name, error }));
    return publishing;
  };
  const publish = (event: Omit<Progress, "at">) => {
    if (settled) return;
    progress.push({ ...event, at: request.serverNow() });
    if (progress.length >= 500) void flushProgress();
    else progressTimer ??= later(20, () => void flushProgress());
  };

  const abandon = () => {
    stop();
    abort.abort(new CancelledError("the worker is stopping"));
  };
  const cancel = (reason: string) => {
    if (!abort.signal.aborted) abort.abort(new CancelledError(reason));
  };

  let superseded = false;
  const supersede = () => {
    superseded = true;
    cancel("a later attempt has begun: this one was taken for lost");
  };

  const definition = worker.activities.get(name);
  if (!definition) {
    const known = [...worker.activities.keys()].join(", ") || "none";
    fail(
      "failed",
      new Error(`this worker has no activity '${name}' (it has: ${known}); add it to runWorker({ activities })`),
    );
  } else {
    const host = {
      execution: ref.execution,
      run: ref.run,
      workflow: request.workflow,
      activity: ref.activity,
      attempt: ref.attempt,
      scheduledAt: request.scheduledAt,
      deployment: worker.deployment,
      options,
      signal: abort.signal,
      heartbeat,
      lastHeartbeat: request.lastHeartbeat,
      publish,
      resources: worker.resources,
      log,
    };
    Promise.resolve()
      .then(() => {
        abort.signal.throwIfAborted(); // ATTEMPT-4
        return runActivity(definition, request.input, host);
      })
      .then(
        (result) => {
          const bytes = payloadBytes(result);
          if (bytes > MAX_PAYLOAD_BYTES) {
            const error = new Error(
              `the result of activity ${name} has ${bytes} bytes, the limit is ${MAX_PAYLOAD_BYTES}: store it elsewhere and return a reference`,
            );
            return settle({ kind: "failed", reason: "failed", failure: { ...toFailure(error), non_retryable: true } });
          }
          return settle({ kind: "completed", result: (result ?? null) as never });
        },
        (error) =>
          fail(abort.signal.aborted && abort.signal.reason instanceof CancelledError ? "cancelled" : "failed", error),
      );
  }
  return {
    outcome,
    cancel,
    abandon,
    get superseded() {
      return superseded;
    },
  };
}
