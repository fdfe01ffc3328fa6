/** One handler for each call of the worker data path; the compiler knows when one is missing. */
import { DATA_PATH, type WorkerHandlers } from "./data-path.ts";
import { register } from "./register.ts";

export const WORKER_HANDLERS: WorkerHandlers = { ...DATA_PATH, register };
