/** Creates, reads and changes schedules. */
import { SCHEDULES } from "../shared/api/areas/schedules.ts";
import { bufferedRest } from "./lib/http.ts";

export const handler = bufferedRest([SCHEDULES]);
