/**
 * The public API, one row per operation, a file per area. The dev server, the Lambda functions, API Gateway's resources,
 * the OpenAPI document and the console's client all derive from this table.
 *
 * The server answers a row that has `unavailable` with 501 and that sentence. Removing the field enables the row.
 */
import type * as z from "zod";
import { compile, type Match } from "./http/match.ts";
import { EXECUTION_ROWS } from "./routes/executions.ts";
import { REGISTRATION_ROWS } from "./routes/registration.ts";
import { SCHEDULE_ROWS } from "./routes/schedules.ts";
import { STREAM_ROWS } from "./routes/streams.ts";
import { SYSTEM_ROWS } from "./routes/system.ts";

export type { Area, Method, Route } from "./routes/row.ts";

const TABLE = [...REGISTRATION_ROWS, ...EXECUTION_ROWS, ...STREAM_ROWS, ...SCHEDULE_ROWS, ...SYSTEM_ROWS] as const;

/** All rows, in the order of the documentation. */
export const ROUTES: readonly RouteOf<Operation>[] = TABLE;

type Row = (typeof TABLE)[number];
export type Operation = Row["operation"];
export type RouteOf<Op extends Operation> = Extract<Row, { operation: Op }>;

type Names<P extends string> = P extends `${string}{${infer Name}}${infer Rest}` ? Name | Names<Rest> : never;
type Output<T, K extends string, None> = T extends { readonly [_ in K]: infer S extends z.ZodType }
  ? z.output<S>
  : None;

/** Path parameters, percent-decoded, otherwise unchecked. */
export type ParamsOf<Op extends Operation> = { readonly [N in Names<RouteOf<Op>["path"]>]: string };
/** The query with its defaults; an empty object where none is declared. */
export type QueryOf<Op extends Operation> = Output<RouteOf<Op>, "query", Record<never, never>>;
/** The checked body; `undefined` where none is declared. */
export type BodyOf<Op extends Operation> = Output<RouteOf<Op>, "body", undefined>;
/** The answer that a handler must return; of an `sse` row, the `data` of one frame. */
export type ResponseOf<Op extends Operation> = Output<RouteOf<Op>, "response", undefined>;
export type AvailableOperation = Exclude<Row, { unavailable: string }>["operation"];

const byOperation = new Map<string, Row>(TABLE.map((row) => [row.operation, row]));

export function routeOf<Op extends Operation>(operation: Op): RouteOf<Op> {
  return byOperation.get(operation) as RouteOf<Op>;
}

/** `path` without the query string. Method names are upper case. */
export const matchRoute: (method: string, path: string) => Match<RouteOf<Operation>> = compile(TABLE);
