/** Answers about the installation itself. */
import * as z from "zod";

/** `engine` tells workers what they speak with. `scheduler_url`: the address of the workers. `namespace` is the workspace id, the same text as in the envelope of a streamed event. */
export const WhoAmIResponse = z
  .object({ engine: z.literal("sirocco"), scheduler_url: z.string(), namespace: z.string(), tls: z.boolean() })
  .meta({ id: "WorkerInfoResponse" });

/** `set_aside`: damaged rows that maintenance leaves out; the server's log names each. Absent: there are none. */
export const HealthResponse = z
  .object({ status: z.literal("ok"), version: z.string(), set_aside: z.int().optional() })
  .meta({ id: "HealthResponse" });

/** The OpenAPI document itself. */
export const OpenApiResponse = z.looseObject({ openapi: z.string() });
