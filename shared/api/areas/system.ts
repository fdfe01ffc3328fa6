/** The installation. */
import { SYSTEM_ROWS } from "../../protocol/routes/system.ts";
import type { RouteModule } from "../handlers.ts";
import { health, openapi } from "../system.ts";

export const SYSTEM: RouteModule = { routes: SYSTEM_ROWS, open: { getOpenApi: openapi, getHealth: health } };
