/** Facts about the installation. */
import type { ResponseOf } from "../protocol/routes.ts";
import type { ApiOptions, RequestContext } from "./request-context.ts";

export function workerInfo(context: RequestContext): ResponseOf<"getWorkerInfo"> {
  const { url } = context.options;
  return { scheduler_url: url, namespace: context.workspace, tls: url.startsWith("https:") };
}

export function health(options: ApiOptions): ResponseOf<"getHealth"> {
  return { status: "ok", version: options.version };
}

const documents = new Map<string, ResponseOf<"getOpenApi">>();
/** Built once for each version and address; its code is imported at the first request. */
export async function openapi(options: ApiOptions): Promise<ResponseOf<"getOpenApi">> {
  const key = `${options.version} ${options.url}`;
  let document = documents.get(key);
  if (!document) {
    const { openapiDocument } = await import("../protocol/openapi.ts");
    document = { ...openapiDocument({ version: options.version, serverUrl: options.url }) };
    documents.set(key, document);
  }
  return document;
}
