/** Creates, reads and changes schedules. */
import { bufferedRest } from "./lib/rest.ts";

export const handler = bufferedRest();
