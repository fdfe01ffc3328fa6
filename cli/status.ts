/** A status as it is typed, such as `timed-out`. */
import { PUBLIC_STATUSES } from "../shared/protocol/status.ts";
import { usage } from "./errors.ts";

export function statusOf(word: string): string {
  const status = word.toUpperCase().replace("-", "_").replace("CANCELLED", "CANCELED");
  if ((PUBLIC_STATUSES as readonly string[]).includes(status)) return status;
  throw usage(`--status ${word}: the statuses are ${PUBLIC_STATUSES.join(", ").toLowerCase()}.`);
}
