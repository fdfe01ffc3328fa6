/** A log that adds the request's id to every line. */
import type { Log } from "../ports.ts";

export function scopedLog(log: Log, requestId: string): Log {
  return {
    info: (message, fields) => log.info(message, { request_id: requestId, ...fields }),
    warn: (message, fields) => log.warn(message, { request_id: requestId, ...fields }),
    error: (message, fields) => log.error(message, { request_id: requestId, ...fields }),
  };
}
