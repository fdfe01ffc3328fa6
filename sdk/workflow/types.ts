/** The interface between the worker and a run in its memory. `WorkflowInstance` (`instance.ts`) implements it. */
import type { Decision, Failure, HistoryEvent, Millis, Stimulus } from "../../shared/protocol/history.ts";
import type { ReplayFlag } from "../runtime/flags.ts";
import type { Log } from "../runtime/log.ts";

export interface InstanceOptions {
  /** Id of the execution; the started event does not carry it. */
  readonly execution: string;
  /** Default: the console. A replay logs nothing. */
  readonly log?: Log;
  /** Is given each line as well, with the caller's own fields. */
  readonly onLog?: (level: keyof Log, message: string, fields?: Record<string, unknown>) => void;
  /** Workflow code that holds the event loop longer than this in one go is reported as a bug. Default 2000. */
  readonly budgetMs?: Millis;
  /** False switches the sandbox off for every workflow of the worker. Default true: as the workflow says. */
  readonly deterministic?: boolean;
  /** True: any error that escapes fails the execution, not only failures. Default false. */
  readonly failOnAnyError?: boolean;
  /** The replay flags that this SDK knows. Default: `FLAGS`. */
  readonly flags?: readonly ReplayFlag[];
}

/**
 * The result of giving stimuli to workflow code. Either its decisions, which the worker records with `decided`
 * (HISTORY-4); `flags` are all replay flags of the run, of which it records those that the history does not hold yet
 * (FLAGS-2). Or a bug: an error that is not a failure of the execution, a divergence, a blocked event loop. After a bug the
 * worker drops the instance.
 */
export type Activation =
  | {
      readonly decided: number;
      readonly decisions: Decision[];
      readonly flags: readonly number[];
      readonly closed: boolean;
    }
  | { readonly bug: unknown };

export interface Refusal {
  /** HTTP status for the caller. */
  readonly status: number;
  readonly failure: Failure;
}

export interface Instance {
  /** Workflow code has taken a closing decision. */
  readonly closed: boolean;
  /** A bug was reported: the worker drops this instance. */
  readonly poisoned: boolean;
  /**
   * Takes recorded events in order, from event 1 on; may be called again with the events that follow. Stimuli that no
   * `decided` covers stay pending for `activate`. Throws `DivergenceError` when code decides other than was recorded,
   * `UnknownFlagError` when a newer SDK recorded the events, and any bug that workflow code throws.
   */
  replay(events: readonly HistoryEvent[]): Promise<void>;
  /** Gives the pending stimuli and then these to workflow code, one by one. Never throws. */
  activate(stimuli: readonly Stimulus[]): Promise<Activation>;
  /** Answers a query on the present state with a JSON value, or a promise of it. Throws `QueryRefused`. */
  query(name: string, input: unknown): unknown;
  /** Null: accept it. Runs schema and validator, which read the present state and cannot change it. */
  checkUpdate(name: string, input: unknown): Refusal | null;
  /** Null: deliver it; otherwise the reason why workflow code must not see it. */
  checkSignal(name: string, input: unknown): string | null;
  /** Every open wait in words, for diagnostics. */
  waitingOn(): string[];
  /** It is not asked anything any more. */
  drop(): void;
}
