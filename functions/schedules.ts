/** Creates, reads and changes schedules. */
import { SCHEDULES } from "../shared/api/areas/schedules.ts";
import { bufferedRest } from "./lib/rest.ts";

export const handler = bufferedRest([SCHEDULES]);
