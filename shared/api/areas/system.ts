/** The installation. */
import { SYSTEM_ROWS } from "../../protocol/routes/system.ts";
import type { Part } from "../handlers.ts";
import { health, openapi } from "../system.ts";

export const SYSTEM: Part = { routes: SYSTEM_ROWS, open: { getOpenApi: openapi, getHealth: health } };
