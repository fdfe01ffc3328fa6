/** Answers about the installation itself. */
import * as z from "zod";

/** `engine` tells workers what they speak with. `scheduler_url`: the address of the workers. `namespace` is the workspace id, the same text as in the envelope of a streamed event. */
export const WhoAmIResponse = z
  .object({ engine: z.literal("sirocco"), scheduler_url: z.string(), namespace: z.string(), tls: z.boolean() })
  .meta({ id: "WorkerInfoResponse" });

/** What this server keeps and takes. Sizes are bytes. */
const ServerLimits = z
  .object({
    /** How long closed executions are kept with their histories and events. */
    retention_days: z.number(),
    payload_bytes: z.int(),
    history_events: z.int(),
    history_bytes: z.int(),
    /** The longest wait of any call. */
    wait_seconds: z.int(),
    /** A worker without a heartbeat for this long is inactive. */
    liveness_seconds: z.int(),
  })
  .meta({ id: "ServerLimits" });

/** `set_aside`: damaged rows that maintenance leaves out; the server's log names each. Absent: there are none. */
export const HealthResponse = z
  .object({ status: z.literal("ok"), version: z.string(), set_aside: z.int().optional(), limits: ServerLimits })
  .meta({ id: "HealthResponse" });

/** The OpenAPI document itself. */
export const OpenApiResponse = z.looseObject({ openapi: z.string() });
