/** The API as a whole: one `handle` for every front door. */
import type { Ports } from "../ports.ts";
import { EXECUTIONS } from "./areas/executions.ts";
import { REGISTRATION } from "./areas/registration.ts";
import { SCHEDULES } from "./areas/schedules.ts";
import { STREAMS } from "./areas/streams.ts";
import { SYSTEM } from "./areas/system.ts";
import { type Api, apiOf, type GivenOptions } from "./dispatch.ts";
import type { HandlersOf } from "./handlers.ts";
import { serveWorker } from "./worker/dispatch.ts";

export { createKey, DEFAULT_WORKSPACE, type NewKey } from "./auth.ts";
export type { ApiOptions } from "./call.ts";
export type { Api, ApiRequest, ApiResponse } from "./dispatch.ts";

const HANDLERS: HandlersOf<"executions" | "registration" | "schedules" | "streams"> = {
  ...REGISTRATION,
  ...EXECUTIONS,
  ...STREAMS,
  ...SCHEDULES,
};

export const createApi = (ports: Ports, options: GivenOptions): Api =>
  apiOf({ handlers: HANDLERS, open: SYSTEM, worker: serveWorker }, ports, options);
