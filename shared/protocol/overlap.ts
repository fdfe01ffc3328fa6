/** The overlap policies of schedules, as they cross the wire. */
import * as z from "zod";

const NAMES = ["SKIP", "BUFFER_ONE", "BUFFER_ALL", "CANCEL_OTHER", "TERMINATE_OTHER", "ALLOW_ALL"] as const;
export const OverlapSchema = z.literal([1, 2, 3, 4, 5, 6], {
  error: `allowed are ${NAMES.map((name, index) => `${index + 1} ${name}`).join(", ")}`,
});
