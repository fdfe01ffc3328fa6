/** What a driver and the workflow runtime say to each other. The runtime itself is `WorkflowInstance` in `instance.ts`. */
import type { Decision, Failure, HistoryEvent, Millis, Stimulus } from "../../shared/protocol/history.ts";

/** Where the runtime and user code log to. `fields` are structured extras. */
export interface Log {
  debug(message: string, fields?: Record<string, unknown>): void;
  info(message: string, fields?: Record<string, unknown>): void;
  warn(message: string, fields?: Record<string, unknown>): void;
  error(message: string, fields?: Record<string, unknown>): void;
}

export interface InstanceOptions {
  /** Id of the execution; the started event does not carry it. */
  readonly execution: string;
  /** Default: the console. Lines of workflow code that are replayed are not logged again. */
  readonly log?: Log;
  /** Workflow code that holds the event loop longer than this in one go is reported as a bug. Default 2000. */
  readonly budgetMs?: Millis;
  /** False switches the sandbox off for every workflow of the worker. Default true: as the workflow says. */
  readonly deterministic?: boolean;
  /** True: any error that escapes fails the execution, not only failures. Default false. */
  readonly failOnAnyError?: boolean;
}

/**
 * What came of giving stimuli to workflow code: its decisions, to be recorded with `decided` (HISTORY-4), or a bug: something
 * thrown that is not a failure of the execution, a divergence, a blocked loop. After a bug the instance is of no more use.
 */
export type Activation =
  | { readonly decided: number; readonly decisions: Decision[]; readonly closed: boolean }
  | { readonly bug: unknown };

export interface Refusal {
  /** HTTP status for the caller. */
  readonly status: number;
  readonly failure: Failure;
}

export interface Instance {
  /** A closing decision was taken. */
  readonly closed: boolean;
  /** A bug was reported; drop this instance. */
  readonly poisoned: boolean;
  /**
   * Takes recorded events in order, from event 1 on; may be called again with those that follow. Stimuli that no
   * `decided` covers stay pending for `activate`. Throws `DivergenceError` when code decides other than was recorded,
   * or whatever workflow code threw.
   */
  replay(events: readonly HistoryEvent[]): Promise<void>;
  /** Gives the pending stimuli and then these to workflow code, one by one. Never throws. */
  activate(stimuli: readonly Stimulus[]): Promise<Activation>;
  /** Answers a query on the present state with a JSON value. Throws `QueryRefused`. */
  query(name: string, input: unknown): unknown;
  /** Null: accept it. Runs schema and validator, which see the present state and cannot change it. */
  checkUpdate(name: string, input: unknown): Refusal | null;
  /** Null: deliver it; otherwise why workflow code must not see it. */
  checkSignal(name: string, input: unknown): string | null;
  /** What each path waits for, in words, for diagnostics. */
  waitingOn(): string[];
}
