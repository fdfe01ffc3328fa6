/** The installation. */
import type { OpenHandlers } from "../handlers.ts";
import { health, openapi } from "../system.ts";

export const SYSTEM: OpenHandlers = { getOpenApi: openapi, getHealth: health };
