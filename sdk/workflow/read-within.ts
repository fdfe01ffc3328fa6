/**
 * The worker records errors and writes logs outside of every frame. There a getter that never returns would belong to no
 * execution (WATCHDOG-1), and each worker that took the execution would end its process. So the instance reads them first
 * within the frame of their code, without its sandbox: reading may do there what it may do outside.
 */
import { toFailure } from "../failure.ts";
import { runIn, type WorkflowFrame } from "../runtime/frame.ts";

export function readErrorWithin(frame: WorkflowFrame, error: unknown): void {
  runIn({ ...frame, sandbox: false, readOnly: "a getter of an error" }, () => toFailure(error));
}

/** Answers the fields with their own getters read. */
export function readFieldsWithin(frame: WorkflowFrame, fields: Record<string, unknown>): Record<string, unknown> {
  return runIn({ ...frame, sandbox: false, readOnly: "a getter of a log line" }, () => {
    const read = { ...fields };
    try {
      JSON.stringify(read);
    } catch {} // the log shows as much of it as it can
    return read;
  });
}
