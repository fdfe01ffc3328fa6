/** Functions that make the rows of the routes table, and the paths that several areas share. */
import type * as z from "zod";

export type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
/** The function that serves the row: each area is deployed and scaled on its own. */
export type Area = "executions" | "registration" | "schedules" | "streams" | "system";

/** A row without its literal types. */
export interface Route {
  readonly operation: string;
  readonly method: Method;
  readonly path: string;
  readonly area: Area;
  /** The only status of success; clients compare it exactly. */
  readonly success: number;
  /** `empty`: an answer without a body. `sse`: `response` is the `data` of one frame. `file`: bytes. */
  readonly kind: "json" | "empty" | "sse" | "file";
  readonly auth: boolean;
  readonly query?: z.ZodType;
  readonly body?: z.ZodType;
  /** A missing or empty body, and `null`, count as `{}`. */
  readonly optionalBody?: boolean;
  readonly response?: z.ZodType;
  /** The reason why the server answers 501 for now. */
  readonly unavailable?: string;
  /** The answer has an `ETag`, and is 304 for a caller that has it already. `public`: it is the same for everybody. */
  readonly cache?: "private" | "public";
}

type Details = Partial<
  Pick<Route, "query" | "body" | "optionalBody" | "response" | "unavailable" | "auth" | "success" | "cache">
>;

function row<
  const O extends string,
  const M extends Method,
  const P extends string,
  const A extends Area,
  const K extends Route["kind"],
  const D extends Details,
>(operation: O, method: M, path: P, area: A, kind: K, success: number, details: D) {
  return { operation, method, path, area, kind, success, auth: true, ...details };
}
export function json<
  const O extends string,
  const M extends Method,
  const P extends string,
  const A extends Area,
  const D extends Details,
>(operation: O, method: M, path: P, area: A, details: D) {
  return row(operation, method, path, area, "json", 200, details);
}
export function empty<
  const O extends string,
  const M extends Method,
  const P extends string,
  const A extends Area,
  const D extends Details,
>(operation: O, method: M, path: P, area: A, details: D) {
  return row(operation, method, path, area, "empty", 204, details);
}
export function sse<const O extends string, const P extends string, const D extends Details>(
  operation: O,
  path: P,
  details: D,
) {
  return row(operation, "GET", path, "streams", "sse", 200, details);
}
export function file<const O extends string, const P extends string, const A extends Area, const D extends Details>(
  operation: O,
  path: P,
  area: A,
  details: D,
) {
  return row(operation, "POST", path, area, "file", 200, details);
}

export const NOT_HOSTED = {
  unavailable: "This installation does not host workers: start, stop and update a deployment's workers where they run.",
};

export const BACKUPS = "/v1/backups";
export const HOLDS = "/v1/holds";
export const KEYS = "/v1/keys";
export const WORKFLOWS = "/v1/workflows";
export const EXECUTION = `${WORKFLOWS}/executions/{execution_id}` as const;
export const REGISTRATION = `${WORKFLOWS}/registrations/{workflow_registration_id}` as const;
export const SCHEDULE = `${WORKFLOWS}/schedules/{schedule_id}` as const;
export const DEPLOYMENT = `${WORKFLOWS}/deployments/{name}` as const;
