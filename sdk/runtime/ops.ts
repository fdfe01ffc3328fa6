/**
 * Everything that workflow code may ask of the run that executes it. The functions of the SDK and the sandbox call this
 * interface through the frame (`frame.ts`), and `WorkflowInstance` implements it. Neither side knows more of the other.
 */
import type {
  ActivityOptions,
  EventOf,
  Failure,
  Millis,
  OnParentClose,
  Started,
} from "../../shared/protocol/history.ts";
import type { Progress } from "../../shared/protocol/worker.ts";
import type { Json } from "../json.ts";
import type { Schema } from "../schema.ts";
import type { ReplayFlag } from "./flags.ts";
import type { Log } from "./log.ts";
import type { Random } from "./random.ts";

/** Something that the run waits for; `describe` names it in diagnostics. */
interface OpenWait {
  describe(): string;
}

/** Receives the outcome of an activity. */
export interface OpenActivity extends OpenWait {
  complete(result: unknown): void;
  reject(error: Error): void;
}

/** Receives the end of a durable timer. */
export interface OpenTimer extends OpenWait {
  fire(): void;
}

/** Receives the outcome of a child execution. */
export interface OpenChild extends OpenWait {
  completed(result: unknown): void;
  failed(status: EventOf<"child_failed">["status"], failure: Failure): void;
}

/** Is tested after each stimulus; `test` answers whether the wait has ended. */
export interface OpenCondition extends OpenWait {
  test(): boolean;
}

/** A question to a person that is not answered yet. */
export interface OpenInput extends OpenWait {
  readonly id: string;
  readonly shown: { readonly input_schema: Record<string, unknown>; readonly label: string | null };
  /** Throws when the input does not fit the schema. */
  parse(input: unknown): unknown;
  submit(input: Json): void;
}

export interface ActivityRequest {
  readonly name: string;
  readonly input: Json;
  readonly options: ActivityOptions;
}

export interface ChildRequest {
  readonly workflow: string;
  readonly input: Json;
  /** Absent: an id that follows from the run. */
  readonly id: string | undefined;
  readonly onParentClose: OnParentClose;
  readonly timeoutMs: Millis | undefined;
}

/** A signal, query or update that the workflow declares. */
export interface HandlerDeclaration {
  readonly kind: "signal" | "query" | "update";
  readonly name: string;
  readonly description: string | null;
  readonly input: Schema | undefined;
  readonly output: Schema | undefined;
}

export interface WorkflowOps {
  /** Name of the workflow. */
  readonly name: string;
  readonly execution: string;
  readonly started: Started;
  /** Time of the last stimulus given (INSTANCE-2). */
  readonly time: Millis;
  readonly random: Random;
  /** True while recorded stimuli are given again. */
  readonly replaying: boolean;
  /** The workflow is declared as one that asks people: see `waitForInput`. */
  readonly interactive: boolean;
  /** Id of the last event given to workflow code. */
  readonly historyLength: number;
  readonly historyIsLong: boolean;
  readonly searchKeys: ReadonlyMap<string, string>;
  /** By task id. */
  readonly inputs: ReadonlyMap<string, OpenInput>;

  /** Answers the activity's number in the run (INSTANCE-3). */
  scheduleActivity(request: ActivityRequest, wait: OpenActivity): number;
  /** Requests cancellation, and drops the outcome when it comes. */
  cancelActivity(activity: number): void;
  /** Answers the timer's number. */
  startTimer(ms: Millis, wait: OpenTimer): number;
  /** Nothing happens if the timer has fired or was cancelled. */
  cancelTimer(timer: number): void;
  startChild(request: ChildRequest, wait: OpenChild): { number: number; execution: string };
  /** Requests cancellation; the outcome is still delivered. */
  cancelChild(child: number, execution: string): void;
  addCondition(condition: OpenCondition): void;
  removeCondition(condition: OpenCondition): void;
  openInput(input: OpenInput): void;
  closeInput(id: string): void;
  /** An id for a custom task that follows from the run. */
  newTaskId(): string;
  publishTask(progress: Omit<Progress, "at">): void;
  setSearchKeys(set: Record<string, string>, remove: readonly string[]): void;
  /** Attaches the function that answers a declared handler. */
  handle(handler: HandlerDeclaration, fn: (input: unknown) => unknown, validate?: (input: never) => void): void;
  /** `continueAsNew` was called: its value must be returned. */
  noteContinuation(): void;
  /** For so long the code has been running without coming to rest; null = it is at rest. */
  readonly busyMs: Millis | null;
  /** Throws, and reports a bug, when the code has run for longer than its budget: a loop ends where it asks for something. */
  checkBudget(): void;
  /** Whether the run follows the behaviour behind a replay flag (FLAGS-1). */
  usesFlag(flag: ReplayFlag): boolean;
  /** See `patched` in `sdk/workflow/patched.ts`. */
  patched(id: string): boolean;
  /** See `deprecatePatch` there. */
  deprecatePatch(id: string): void;
  /** Logs with the ids of the execution; a replay logs nothing. */
  say(level: keyof Log, message: string, fields?: Record<string, unknown>): void;
  /** `console` has printed a line, in a step that is no replay. */
  printed(level: keyof Log, line: () => string): void;
  /** Runs a callback that no code awaits, such as that of `setTimeout`: its error ends the execution. */
  runCallback(callback: () => void): void;
  /** Node reports a rejected promise of workflow code that no code awaits. */
  unhandledRejection(reason: unknown): void;
}
