/** A log that adds the request's id to every line. */
import type { Log } from "../ports.ts";

type Fields = Parameters<Log["info"]>[1];

export class ScopedLog implements Log {
  readonly #log: Log;
  readonly #requestId: string;

  constructor(log: Log, requestId: string) {
    this.#log = log;
    this.#requestId = requestId;
  }

  info(message: string, fields?: Fields): void {
    this.#log.info(message, { request_id: this.#requestId, ...fields });
  }

  warn(message: string, fields?: Fields): void {
    this.#log.warn(message, { request_id: this.#requestId, ...fields });
  }

  error(message: string, fields?: Fields): void {
    this.#log.error(message, { request_id: this.#requestId, ...fields });
  }
}
