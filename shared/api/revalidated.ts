/** Answers that a caller may keep and ask about: by their `ETag` it learns that they are still the same, without the answer. */
import { createHash } from "node:crypto";
import type { Route } from "../protocol/routes.ts";
import type { ApiRequest, ApiResponse } from "./http-message.ts";

/** The tag is a weak one: an HTTP front may compress the answer. */
export function revalidated(
  request: ApiRequest,
  body: string,
  cache: NonNullable<Route["cache"]>,
  requestId: string,
): ApiResponse {
  const tag = `"${createHash("sha256").update(body).digest("base64url").slice(0, 22)}"`;
  const headers = { "x-request-id": requestId, etag: `W/${tag}`, "cache-control": `${cache}, no-cache` };
  const asked = request.headers["if-none-match"];
  const known = typeof asked === "string" ? asked.split(",").map((one) => one.trim().replace(/^W\//, "")) : [];
  if (known.some((one) => one === "*" || one === tag)) return { kind: "body", status: 304, headers, body: "" };
  return { kind: "body", status: 200, headers: { ...headers, "content-type": "application/json" }, body };
}
