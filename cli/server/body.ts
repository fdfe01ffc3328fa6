/** Reads the body of a request up to a limit. */
import type { IncomingMessage } from "node:http";
import { CallerGone } from "../../shared/api/index.ts";

/**
 * The bytes of a body that has come whole, as that of most requests does: with the head, in one packet. It is taken without
 * listeners. Undefined: it has not, or is longer than `limit`.
 */
export function wholeBody(request: IncomingMessage, limit: number): Uint8Array | undefined {
  if (!request.complete || request.destroyed || request.readableLength > limit) return undefined;
  return (request.read() as Buffer | null) ?? new Uint8Array();
}

/**
 * The bytes of the body; null if it is longer than `limit` bytes (the rest is read and dropped, so that the refusal can
 * still be sent). Rejects when the caller disconnects before the end.
 */
export function readBody(request: IncomingMessage, limit: number): Promise<Uint8Array | null> {
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    let bytes = 0;
    request.on("data", (part: Buffer) => {
      bytes += part.length;
      if (bytes <= limit) parts.push(part);
      else parts.length = 0;
    });
    request.on("end", () => {
      if (bytes > limit) resolve(null);
      else resolve(parts.length === 1 ? parts[0]! : Buffer.concat(parts));
    });
    const gone = () => {
      // A request that was read to its end closes too.
      if (!request.readableEnded) reject(new CallerGone("the caller disconnected before the end of the body"));
    };
    request.on("error", gone);
    request.on("close", gone);
    if (request.destroyed) gone();
  });
}
