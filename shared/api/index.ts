/** The whole API in one process: one `handle` for every request. */
import type { Ports } from "../ports.ts";
import { EXECUTIONS } from "./areas/executions.ts";
import { REGISTRATION } from "./areas/registration.ts";
import { SCHEDULES } from "./areas/schedules.ts";
import { STREAMS } from "./areas/streams.ts";
import { SYSTEM } from "./areas/system.ts";
import { type Api, apiOf, type GivenOptions } from "./dispatch-request.ts";
import { serveWorker } from "./worker/dispatch-operation.ts";

export { DEFAULT_WORKSPACE } from "./auth.ts";
export { createKey, type NewKey } from "./create-key.ts";
export type { Api } from "./dispatch-request.ts";
export { type ApiResponse, CallerGone } from "./http-message.ts";
export type { ApiOptions } from "./request-context.ts";

const ALL = [REGISTRATION, EXECUTIONS, STREAMS, SCHEDULES, SYSTEM, { worker: serveWorker }];

export const createApi = (ports: Ports, options: GivenOptions): Api => apiOf(ALL, ports, options);
