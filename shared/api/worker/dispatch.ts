/**
 * The worker data path: one exact path for each call, found without a search. The append path is the hot path of the
 * whole product; nothing is done here that is not needed for every call.
 */
import { invalid, isRefusal, methodNotAllowed, noRoute, payloadTooLarge, type Refusal } from "../../protocol/errors.ts";
import { zodToDetail } from "../../protocol/http/detail.ts";
import { parseJsonBody } from "../../protocol/http/parse.ts";
import { MAX_WORKER_BODY_BYTES } from "../../protocol/limits.ts";
import { WORKER_ROUTES, type WorkerOperation } from "../../protocol/worker.ts";
import type { ApiRequest } from "../dispatch.ts";
import type { RequestContext } from "../request-context.ts";
import type { WorkerHandlers } from "./data-path.ts";

const operations = new Map(
  (Object.keys(WORKER_ROUTES) as WorkerOperation[]).map((name) => [WORKER_ROUTES[name].path as string, name]),
);

export type ServeWorker = (
  context: RequestContext,
  request: ApiRequest,
) => Promise<Refusal | { status: 200; value: unknown }>;

export const servingWorkers = (handlers: WorkerHandlers): ServeWorker =>
  async function serve(context, request) {
    const operation = operations.get(request.target);
    if (operation === undefined) return noRoute(request.method, request.target);
    if (request.method !== "POST") return methodNotAllowed(request.method, request.target, ["POST"]);
    if (request.body === null) return payloadTooLarge("request body", MAX_WORKER_BODY_BYTES);
    const json = parseJsonBody(request.body);
    if ("refused" in json) return json.refused;
    const parsed = WORKER_ROUTES[operation].body.safeParse(json.value);
    if (!parsed.success) return invalid(zodToDetail(parsed.error, "body"));
    const handler = handlers[operation] as (
      context: RequestContext,
      body: unknown,
      characters: number,
    ) => Promise<unknown>;
    const value = await handler(context, parsed.data, request.body.length);
    return isRefusal(value) ? value : { status: 200, value };
  };
