/** The log of a simulated worker: errors that no fault of the world explains fail the world. */
import { ServerUnreachable } from "../../sdk/worker/transport.ts";
import type { StartWorker } from "./simulate.ts";
import { Violation } from "./store.ts";

/** Broken code of the workloads, and code that is held back because workers died while they had it (QUARANTINE-4). */
const EXPECTED = ["the code is broken", "may have died of its code"];

type Of = Pick<Parameters<StartWorker>[0], "world" | "process" | "errors">;

/** `expected`: parts of further errors that the worker may tell. */
export function workerLog({ world, process, errors }: Of, expected: readonly string[] = []) {
  const note = (message: string, fields?: Record<string, unknown>) => {
    world.note(() => `${process.name}: ${message} ${fields?.error ?? ""}`);
  };
  return {
    debug: note,
    info: note,
    warn: note,
    error(message: string, fields?: Record<string, unknown>) {
      note(message, fields);
      if ([...EXPECTED, ...expected].some((one) => message.includes(one))) return;
      const cause = fields?.error;
      if (cause instanceof Violation) errors.push(cause);
      else if (!(cause instanceof ServerUnreachable)) errors.push(new Error(message, { cause }));
    },
  };
}
