/** Types of the handlers of the routes table, and the modules in which a process serves them. */
import type { Backup, Ports } from "../ports.ts";
import type { Refusal } from "../protocol/errors.ts";
import type {
  Area,
  AvailableOperation,
  BodyOf,
  ParamsOf,
  QueryOf,
  ResponseOf,
  Route,
  RouteOf,
} from "../protocol/routes.ts";
import type { Frame } from "./frames.ts";
import type { ApiOptions, RequestContext } from "./request-context.ts";
import type { ServeWorker } from "./worker/dispatch-operation.ts";

export interface Input<Op extends AvailableOperation> {
  readonly params: ParamsOf<Op>;
  readonly query: QueryOf<Op>;
  readonly body: BodyOf<Op>;
  /** The header `Last-Event-ID`. */
  readonly lastEventId: string | undefined;
  /** The header `Idempotency-Key`. */
  readonly idempotencyKey: string | undefined;
  /** The header `traceparent`. */
  readonly traceparent: string | undefined;
}

type Result<Op extends AvailableOperation> =
  RouteOf<Op> extends { kind: "sse" }
    ? AsyncIterable<Frame>
    : RouteOf<Op> extends { kind: "file" }
      ? Backup
      : ResponseOf<Op>;
type Answer<T> = T | Refusal | Promise<T | Refusal>;

/** The available operations of some areas. */
type In<A extends Area> = {
  [Op in AvailableOperation]: RouteOf<Op>["area"] extends A ? Op : never;
}[AvailableOperation];

/** One handler for each available operation of an area; the compiler reports a missing one. */
export type HandlersOf<A extends Area> = {
  readonly [Op in In<A>]: (context: RequestContext, input: Input<Op>) => Answer<Result<Op>>;
};
/** Operations without an API key, and so without a workspace. */
export type OpenHandlers = {
  readonly [Op in In<"system">]: (options: ApiOptions, ports: Ports) => Answer<ResponseOf<Op>>;
};

/**
 * Rows of the routes table with their handlers: an area, or the worker operations. A Lambda function bundles the modules
 * that it serves and no others; it answers all other paths with 404.
 */
export interface RouteModule {
  readonly routes?: readonly Route[];
  readonly handlers?: Partial<HandlersOf<Exclude<Area, "system">>>;
  readonly open?: OpenHandlers;
  readonly worker?: ServeWorker;
}
