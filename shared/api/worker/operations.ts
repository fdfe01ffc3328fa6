/** The operations of the worker API, each with its handler; the compiler reports a missing one. */
import { lazy } from "../../lib/lazy.ts";
import type { Refusal } from "../../protocol/errors.ts";
import type { WorkerAnswer, WorkerBody, WorkerOperation } from "../../protocol/worker.ts";
import type { RequestContext } from "../request-context.ts";
import { beat, begin, begun, outcome, retrying } from "./activities.ts";
import { answer } from "./answer.ts";
import { append } from "./append.ts";
import { close } from "./close.ts";
import { claim, discard, park, read } from "./drive.ts";
import type { InLines } from "./in-lines.ts";
import { heartbeat, sessions, stop } from "./presence.ts";
import { extend, finish, poll, task } from "./tasks.ts";

/** `characters`: length of the body's text, an upper bound for each payload in it. */
export type WorkerHandlers = {
  readonly [K in WorkerOperation]: (
    context: RequestContext,
    body: WorkerBody<K>,
    characters: number,
  ) => Promise<WorkerAnswer<K> | (K extends "poll" ? InLines : never) | Refusal>;
};

const registering = lazy(() => import("./register.ts"));
const waitingTasks = lazy(() => import("./waiting-tasks.ts"));
const publishing = lazy(() => import("./publish.ts"));
const logging = lazy(() => import("./log-records.ts"));

export const WORKER_HANDLERS: WorkerHandlers = {
  // Imported at its first use: it needs more code (schemas, schedules) than all others, and a worker calls it once.
  register: async (context, body) => (await registering()).register(context, body),
  heartbeat,
  stop,
  sessions,
  poll,
  extend,
  finish,
  task,
  claim,
  append,
  park,
  discard,
  close,
  read,
  begin,
  beat,
  begun,
  outcome,
  retrying,
  pass: async (context, body) => (await waitingTasks()).pass(context, body),
  renew: async (context, body) => (await waitingTasks()).renew(context, body),
  permit: async (context, body) => (await import("./permits.ts")).permit(context, body),
  publish: async (context, body, characters) => (await publishing()).publish(context, body, characters),
  message: async (context, body) => (await import("./message.ts")).message(context, body),
  logs: async (context, body) => (await logging()).takeLogRecords(context, body),
  answer,
};
