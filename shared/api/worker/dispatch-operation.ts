/**
 * From a request of a worker to its answer. Each operation has one exact path, found by one look-up. `append` is the
 * hottest path of the product, so this does only what every operation needs.
 */

import { lazy } from "../../lib/lazy.ts";
import { zodToDetail } from "../../protocol/detail.ts";
import { invalid, isRefusal, methodNotAllowed, noRoute, type Refusal } from "../../protocol/errors.ts";
import { parseJsonBody, parseLongJsonBody } from "../../protocol/http/parse.ts";
import { MAX_WORKER_BODY_BYTES, MAX_WORKER_JSON_DEPTH } from "../../protocol/limits.ts";
import { isPlainAppend, isPlainClose } from "../../protocol/plain-append.ts";
import { WORKER_ROUTES, type WorkerOperation } from "../../protocol/worker.ts";
import type { ApiRequest } from "../http-message.ts";
import { textOfBody } from "../read-body.ts";
import type { RequestContext } from "../request-context.ts";
import { type InLines, isInLines } from "./in-lines.ts";
import { WORKER_HANDLERS } from "./operations.ts";

const operations = new Map(
  (Object.keys(WORKER_ROUTES) as WorkerOperation[]).map((name) => [WORKER_ROUTES[name].path as string, name]),
);

const deploymentsOfKey = lazy(() => import("../deployments-of-key.ts"));

function parse(operation: WorkerOperation, body: unknown) {
  const isPlain = operation === "append" ? isPlainAppend(body) : operation === "close" && isPlainClose(body);
  if (isPlain) return { success: true as const, data: body }; // PLAIN-1
  return WORKER_ROUTES[operation].body.safeParse(body, { reportInput: true });
}

const OPTIONS = { maxDepth: MAX_WORKER_JSON_DEPTH };
/** Characters of a body whose check and parsing are divided, so that together they do not hold the event loop. */
const LONG_BODY = 256 * 1024;

type Handler = (context: RequestContext, body: unknown, characters: number) => Promise<unknown>;

export type ServeWorker = (
  context: RequestContext,
  request: ApiRequest,
) => Promise<Refusal | { status: 200; value: unknown } | ({ status: 200 } & InLines)>;

export const serveWorker: ServeWorker = async (context, request) => {
  const operation = operations.get(request.target);
  if (operation === undefined) return noRoute(request.method, request.target);
  if (request.method !== "POST") return methodNotAllowed(request.method, request.target, ["POST"]);
  const body = await textOfBody(request, MAX_WORKER_BODY_BYTES);
  if ("refused" in body) return body.refused;
  const isLong = body.text.length > LONG_BODY;
  const json = isLong
    ? await parseLongJsonBody(body.text, OPTIONS, context.ports.pause)
    : parseJsonBody(body.text, OPTIONS);
  if ("refused" in json) return json.refused;
  const parsed = parse(operation, json.value);
  if (!parsed.success) return invalid(zodToDetail(parsed.error, "body"));
  if (context.deployments) {
    const { foreignWork } = await deploymentsOfKey();
    const refused = await foreignWork(context, parsed.data);
    if (refused) return refused;
  }
  const handler = WORKER_HANDLERS[operation] as Handler;
  const value = await handler(context, parsed.data, body.text.length);
  if (isRefusal(value)) return value;
  return operation === "poll" && isInLines(value) ? { status: 200, ...value } : { status: 200, value };
};
