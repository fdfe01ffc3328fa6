/** A copy of the server's data, and its way to the caller. */
import type { Backup, Ports } from "../ports.ts";
import { notImplemented, type Refusal, refusal, unavailable } from "../protocol/errors.ts";
import type { Access } from "./auth.ts";
import { type ApiResponse, CallerGone } from "./http-message.ts";
import type { RequestContext } from "./request-context.ts";

export async function createBackup({ ports, log, signal }: RequestContext): Promise<Backup | Refusal> {
  if (!ports.backup) {
    return notImplemented(
      "This installation keeps its data in DynamoDB, which can restore its tables to any second of the last 35 days: `npm run restore`, described in infra/README.md.",
    );
  }
  const backup = await ports.backup(signal).catch((error: unknown) => {
    if (!signal.aborted) throw error;
    return "stopped" as const;
  });
  if (backup === "stopped") {
    return unavailable("The copy is not complete, because the server stops. Ask again once it runs.", 5);
  }
  if (backup === "another is there") {
    const detail =
      "The server makes one copy at a time, and another one is being made or received. Ask again once that is done.";
    return refusal(429, "RATE_LIMITED", detail);
  }
  log.info("backup: a copy of the data is being sent", { bytes: backup.bytes });
  return backup;
}

/** The answer that sends a copy. It ends without its last bytes, and with its connection, if the caller's key is revoked. */
export function download(ports: Ports, { bytes, chunks }: Backup, requestId: string, access: Access): ApiResponse {
  const headers = {
    "content-type": "application/vnd.sqlite3",
    "content-length": String(bytes),
    "cache-control": "no-store",
    "x-request-id": requestId,
  };
  return { kind: "stream", status: 200, headers, chunks: whilePermitted(ports, chunks, requestId, access) };
}

async function* whilePermitted(
  ports: Ports,
  chunks: Backup["chunks"],
  requestId: string,
  access: Access,
): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of chunks) {
      if (access.ended) {
        ports.log.info("backup: stopped, because its key was revoked", { request_id: requestId });
        throw new CallerGone("the key has been revoked");
      }
      yield chunk;
    }
  } finally {
    access.end();
  }
}
