/** Activities whose functions live in the host: each attempt is a message to it and an outcome from it (HOST-4). */
import * as z from "zod";
import { type AnyActivity, activity } from "../activity.ts";
import { CancelledError, TimeoutError } from "../errors.ts";
import { foreignError } from "../failure.ts";
import type { ActivityContext, ActivityFrame } from "../runtime/activity.ts";
import { currentFrame } from "../runtime/frame.ts";
import type { Channel } from "./channel.ts";
import type { CoreMessage, HostMessage } from "./protocol.ts";

interface Underway {
  readonly name: string;
  readonly context: ActivityContext;
  readonly frame: ActivityFrame;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
}

export class ForeignActivities {
  readonly #send: Channel["send"];
  readonly #uuid: () => string;
  readonly #underway = new Map<string, Underway>();

  constructor(send: Channel["send"], uuid: () => string) {
    this.#send = send;
    this.#uuid = uuid;
  }

  /** Names of the activities that run now, each once. */
  get running(): string[] {
    return [...new Set([...this.#underway.values()].map(({ name }) => name))];
  }

  define(name: string): AnyActivity {
    const any = z.unknown();
    return activity({ name, input: any, output: any }, (input, context) => this.#run(name, input, context));
  }

  #run(name: string, input: unknown, context: ActivityContext): Promise<unknown> {
    const attempt = this.#uuid();
    const frame = currentFrame() as ActivityFrame;
    return new Promise((resolve, reject) => {
      this.#underway.set(attempt, { name, context, frame, resolve, reject });
      context.signal.addEventListener("abort", () => this.#cancel(attempt, context.signal.reason), { once: true });
      this.#send({
        type: "attempt",
        attempt,
        execution: context.execution,
        run: context.run,
        workflow: context.workflow,
        activity: context.activity,
        name,
        args: argumentsOf(input, frame.host.args),
        number: context.attempt,
        scheduled_at: context.info.scheduledAt,
        options: context.info.options,
        key: context.idempotencyKey,
        last_heartbeat: heartbeatDetails(context.lastHeartbeat),
      });
    });
  }

  #cancel(attempt: string, reason: unknown): void {
    if (!this.#underway.has(attempt)) return;
    const message = reason instanceof Error ? reason.message : String(reason);
    this.#send({ type: "cancel", attempt, why: whyOf(reason), message });
  }

  end({ attempt, result, failure }: HostMessage<"outcome">): void {
    const underway = this.#underway.get(attempt);
    this.#underway.delete(attempt);
    if (failure) underway?.reject(foreignError(failure));
    else underway?.resolve(result ?? null);
  }

  beat({ attempt, details }: HostMessage<"beat">): void {
    this.#underway.get(attempt)?.context.heartbeat(details);
  }

  publish({ attempt, progress }: HostMessage<"progress">): void {
    this.#underway.get(attempt)?.frame.host.publish(progress);
  }

  /** The host has written the line to its own log. */
  log({ attempt, level, message, fields }: HostMessage<"line">): void {
    this.#underway.get(attempt)?.frame.host.ship?.(level, message, fields);
  }
}

const argumentsOf = (input: unknown, args: true | undefined): unknown[] =>
  args ? (input as unknown[]) : input === null || input === undefined ? [] : [input];

/** Another worker's last heartbeat may come from a program that reports one value, not a list. */
const heartbeatDetails = (details: unknown): unknown[] | null =>
  details === undefined || details === null ? null : Array.isArray(details) ? details : [details];

function whyOf(reason: unknown): CoreMessage<"cancel">["why"] {
  if (reason instanceof TimeoutError) return "timed_out";
  return reason instanceof CancelledError && reason.reason === STOPPING ? "stopping" : "cancelled";
}
/** What `startAttempt` gives as the reason when the worker leaves an attempt. */
const STOPPING = "the worker is stopping";
