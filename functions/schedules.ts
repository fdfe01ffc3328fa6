/** Creates, reads and changes schedules. */
import { SCHEDULES } from "../shared/api/areas/schedules.ts";
import "../shared/aws/schedules.ts"; // every call needs it, so it loads with the function
import { bufferedRest } from "./lib/http.ts";
import { initialize } from "./lib/initialize.ts";

export const handler = bufferedRest([SCHEDULES]);

await initialize(() => import("../shared/aws/schedules.ts"));
