/** What the calls of the client throw, besides the `AbortError` of a signal and the `TypeError` of a lost connection. */
import type { PublicStatus } from "../../shared/protocol/status.ts";

/** The server refused the request. */
export class ApiError extends Error {
  override readonly name: string = "ApiError";
  /** HTTP status. */
  readonly status: number;
  /** Code of the refusal, such as `WF_1101`; null if the answer is not one of Sirocco's. */
  readonly code: string | null;
  /** The whole answer. */
  readonly body: unknown;

  constructor(message: string, about: { status: number; code: string | null; body: unknown }) {
    super(message);
    this.status = about.status;
    this.code = about.code;
    this.body = about.body;
  }
}

/**
 * The execution ended without a result. `cause` is the error with which it failed, as an instance of its class (`WorkflowError` and
 * its subclasses by their names, `ActivityError`, `ChildError`, …); it is absent where the workflow code threw none.
 */
export class ExecutionError extends Error {
  override readonly name: string = "ExecutionError";
  readonly execution: string;
  /** FAILED, CANCELED, TERMINATED or TIMED_OUT. */
  readonly status: PublicStatus;

  constructor(execution: string, status: PublicStatus, cause: Error | undefined) {
    super(`execution '${execution}' ended ${status}${cause ? `: ${cause.message}` : ""}`, cause && { cause });
    this.execution = execution;
    this.status = status;
  }
}
