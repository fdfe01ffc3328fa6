/** What handlers of the routes table are, and which of them a process serves. */
import type { Refusal } from "../protocol/errors.ts";
import type { Area, AvailableOperation, BodyOf, ParamsOf, QueryOf, ResponseOf, RouteOf } from "../protocol/routes.ts";
import type { ApiOptions, Call } from "./call.ts";
import type { Frame } from "./frames.ts";
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
  readonly [Op in In<A>]: (call: Call, input: Input<Op>) => Answer<Result<Op>>;
};
/** Answered without a key, hence without a workspace. */
export type OpenHandlers = {
  readonly [Op in In<"system">]: (options: ApiOptions) => ResponseOf<Op> | Promise<ResponseOf<Op>>;
};

/**
 * What a process serves of the API. A Lambda function is given the requests of its area and carries no code for others;
 * a request that comes to it all the same is its stack's fault, and answered 500.
 */
export interface Parts {
  readonly handlers?: Partial<HandlersOf<Exclude<Area, "system">>>;
  readonly open?: OpenHandlers;
  readonly worker?: ServeWorker;
}
