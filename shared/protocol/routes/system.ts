/** The installation itself. */
import * as system from "../http/system.ts";
import { json } from "./row.ts";

export const SYSTEM_ROWS = [
  json("getOpenApi", "GET", "/openapi.json", "system", {
    response: system.OpenApiResponse,
    auth: false,
    cache: "public",
  }),
  json("getHealth", "GET", "/health", "system", { response: system.HealthResponse, auth: false }),
] as const;
