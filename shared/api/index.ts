/** The API as a whole: one `handle` for every front door. */
import type { Ports } from "../ports.ts";
import { EXECUTIONS } from "./areas/executions.ts";
import { REGISTRATION } from "./areas/registration.ts";
import { SCHEDULES } from "./areas/schedules.ts";
import { STREAMS } from "./areas/streams.ts";
import { SYSTEM } from "./areas/system.ts";
import { type Api, apiOf, type GivenOptions } from "./dispatch.ts";
import { servingWorkers } from "./worker/dispatch.ts";
import { WORKER_HANDLERS } from "./worker/handlers.ts";

export { createKey, DEFAULT_WORKSPACE, type NewKey } from "./auth.ts";
export type { Api, ApiResponse } from "./dispatch.ts";
export type { ApiOptions } from "./request-context.ts";

const ALL = [REGISTRATION, EXECUTIONS, STREAMS, SCHEDULES, SYSTEM, { worker: servingWorkers(WORKER_HANDLERS) }];

export const createApi = (ports: Ports, options: GivenOptions): Api => apiOf(ALL, ports, options);
