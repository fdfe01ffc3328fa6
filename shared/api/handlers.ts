/** What handlers of the routes table are, and the parts in which they are served. */
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
import type { ServeWorker } from "./worker/dispatch.ts";

export interface Input<Op extends AvailableOperation> {
  readonly params: ParamsOf<Op>;
  readonly query: QueryOf<Op>;
  readonly body: BodyOf<Op>;
  /** The header `Last-Event-ID`. */
  readonly lastEventId: string | undefined;
}

type Result<Op extends AvailableOperation> =
  RouteOf<Op> extends { kind: "sse" } ? AsyncIterable<Frame> : ResponseOf<Op>;
type Answer<T> = T | Refusal | Promise<T | Refusal>;

/** The available rows of some areas. */
type In<A extends Area> = {
  [Op in AvailableOperation]: RouteOf<Op>["area"] extends A ? Op : never;
}[AvailableOperation];

/** One handler for each available row of an area; the compiler knows when one is missing. */
export type HandlersOf<A extends Area> = {
  readonly [Op in In<A>]: (context: RequestContext, input: Input<Op>) => Answer<Result<Op>>;
};
/** Answered without a key, hence without a workspace. */
export type OpenHandlers = {
  readonly [Op in In<"system">]: (options: ApiOptions) => ResponseOf<Op> | Promise<ResponseOf<Op>>;
};

/**
 * An area, or a part of what one process serves: rows of the routes table with their handlers. A Lambda function carries
 * the code of its own area alone; what a process does not serve, it does not find.
 */
export interface RouteModule {
  readonly routes?: readonly Route[];
  readonly handlers?: Partial<HandlersOf<Exclude<Area, "system">>>;
  readonly open?: OpenHandlers;
  readonly worker?: ServeWorker;
}
