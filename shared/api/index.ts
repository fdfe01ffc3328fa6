/** The API: one `handle` for every front door. */
export { createKey, DEFAULT_WORKSPACE, type NewKey } from "./auth.ts";
export type { ApiOptions } from "./call.ts";
export { type Api, type ApiRequest, type ApiResponse, createApi } from "./dispatch.ts";
