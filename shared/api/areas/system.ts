/** Operations about the installation itself; they need no key. */
import { SYSTEM_ROWS } from "../../protocol/routes/system.ts";
import type { RouteModule } from "../route-module.ts";
import { health, openapi } from "../system.ts";

export const SYSTEM: RouteModule = { routes: SYSTEM_ROWS, open: { getOpenApi: openapi, getHealth: health } };
