/** A copy of the server's data. */
import type { Backup } from "../ports.ts";
import { notImplemented, type Refusal } from "../protocol/errors.ts";
import type { RequestContext } from "./request-context.ts";

export async function createBackup({ ports, log }: RequestContext): Promise<Backup | Refusal> {
  if (!ports.backup) {
    return notImplemented(
      "This installation keeps its data in DynamoDB, which can restore its tables to any second of the last 35 days: `npm run restore`, described in infra/README.md.",
    );
  }
  const backup = await ports.backup();
  log.info("backup: a copy of the data is being sent", { bytes: backup.bytes });
  return backup;
}
