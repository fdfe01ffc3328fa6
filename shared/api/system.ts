/** Facts about the installation. */
import { lazy } from "../lib/lazy.ts";
import type { Ports } from "../ports.ts";
import { type Refusal, storeFailed } from "../protocol/errors.ts";
import { MAX_HISTORY_BYTES, MAX_HISTORY_EVENTS, MAX_PAYLOAD_BYTES, MAX_WAIT_SECONDS } from "../protocol/limits.ts";
import type { ResponseOf } from "../protocol/routes.ts";
import type { ApiOptions, RequestContext } from "./request-context.ts";

const DAY_MS = 86_400_000;

export function workerInfo(context: RequestContext): ResponseOf<"getWorkerInfo"> {
  const url = context.options.workerUrl ?? context.options.url;
  return { engine: "sirocco", scheduler_url: url, namespace: context.workspace, tls: url.startsWith("https:") };
}

export function health(options: ApiOptions, ports: Ports): ResponseOf<"getHealth"> | Refusal {
  const condition = ports.condition?.();
  if (condition?.failure) return storeFailed(condition.failure);
  const setAside = condition?.setAside.length ?? 0;
  const limits = {
    retention_days: ports.settings.retentionMs / DAY_MS,
    payload_bytes: MAX_PAYLOAD_BYTES,
    history_events: MAX_HISTORY_EVENTS,
    history_bytes: MAX_HISTORY_BYTES,
    wait_seconds: MAX_WAIT_SECONDS,
    liveness_seconds: Math.ceil(ports.settings.livenessMs / 1_000),
  };
  return { status: "ok", version: options.version, ...(setAside > 0 && { set_aside: setAside }), limits };
}

const openapiCode = lazy(() => import("../protocol/openapi.ts"));
const documents = new Map<string, ResponseOf<"getOpenApi">>();
/** Built once for each version and address; its code is imported at the first request. */
export async function openapi(options: ApiOptions): Promise<ResponseOf<"getOpenApi">> {
  const key = `${options.version} ${options.url}`;
  let document = documents.get(key);
  if (!document) {
    const { openapiDocument } = await openapiCode();
    document = { ...openapiDocument({ version: options.version, serverUrl: options.url }) };
    documents.set(key, document);
  }
  return document;
}
