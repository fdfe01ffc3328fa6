/** The refusal that a client gets when a query or update handler of the workflow has failed or refused. */
import * as z from "zod";
import type { DetailItem } from "../protocol/detail.ts";
import { handlerFailed, invalid, type Refusal, refusal } from "../protocol/errors.ts";
import type { Failure } from "../protocol/history.ts";

/** `status`: the HTTP status that the handler asked for; any that a handler may not choose becomes 424. */
export function refusedByWorkflow(
  kind: "query" | "update",
  name: string,
  execution: string,
  p: { status?: number | undefined; failure: Failure },
): Refusal {
  const { failure } = p;
  switch (p.status) {
    case 422:
      return invalid(detailOf(failure));
    case 400:
    case 403:
    case 404:
    case 409:
    case 413: {
      const code = p.status === 404 ? "WF_1100" : p.status === 413 ? "PAYLOAD_TOO_LARGE" : "HANDLER_FAILED";
      return refusal(p.status, code, failure.message, { execution_id: execution });
    }
    default:
      return handlerFailed(kind, name, execution, failure.message);
  }
}

/** A worker that has checked the input sends the problems in the failure's details, with paths relative to the input. */
function detailOf(failure: Failure): DetailItem[] {
  const sent = Problems.safeParse(failure.details).data ?? [];
  if (sent.length === 0) return [{ loc: ["body", "input"], msg: failure.message, type: "value_error" }];
  return sent.map(({ path, code, message }) => ({ loc: ["body", "input", ...path], msg: message, type: code }));
}

const Problems = z.array(
  z.object({ path: z.array(z.union([z.string(), z.int()])), code: z.string(), message: z.string() }),
);
