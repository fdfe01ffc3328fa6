/** Facts about the installation. */
import { lazy } from "../lib/lazy.ts";
import type { Ports } from "../ports.ts";
import { type Refusal, storeFailed } from "../protocol/errors.ts";
import type { ResponseOf } from "../protocol/routes.ts";
import type { ApiOptions, RequestContext } from "./request-context.ts";

export function workerInfo(context: RequestContext): ResponseOf<"getWorkerInfo"> {
  const url = context.options.workerUrl ?? context.options.url;
  return { engine: "sirocco", scheduler_url: url, namespace: context.workspace, tls: url.startsWith("https:") };
}

export function health(options: ApiOptions, ports: Ports): ResponseOf<"getHealth"> | Refusal {
  const condition = ports.condition?.();
  if (condition?.failure) return storeFailed(condition.failure);
  const setAside = condition?.setAside.length ?? 0;
  return { status: "ok", version: options.version, ...(setAside > 0 && { set_aside: setAside }) };
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
