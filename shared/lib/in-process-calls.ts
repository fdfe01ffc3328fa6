/**
 * The calls of a worker whose server runs in another thread of its process (`sirocco dev --one-process`): messages between
 * the two ends of a message port in the place of HTTP, with the same paths, keys and bodies.
 *
 * INPROCESS-1. The program that starts such a server keeps it in the global property `IN_PROCESS_SERVER` before it loads a worker. A worker
 *     uses it for calls to that server's address, and HTTP for all others. The property has a number: programs with other
 *     messages use another one, so that packages of different versions fall back to HTTP.
 * INPROCESS-2. A call has a number of its own on its port. A worker that gives a call up, or closes the port, waits for its answer no more: the server
 *     then treats it as a call over HTTP whose connection has ended.
 */
import type { MessagePort } from "node:worker_threads";

export const IN_PROCESS_SERVER = Symbol.for("sirocco.in_process_server.1");

export interface InProcessServer {
  /** Its address for HTTP. */
  readonly url: string;
  /** A new port for the calls of one worker. Closing it ends them. */
  connect(): MessagePort;
}

/** From the worker: a call, or the end of one. */
export type InProcessCall =
  | readonly [id: number, path: string, authorization: string, body: string]
  /** It is not waited for any more. */
  | readonly [id: number];

/** Instead of a status: one line of an answer of lines. The status follows the last one. */
export const LINE = 0;

/** From the server: an answer, or a line of one. */
export type InProcessAnswer = readonly [id: number, status: number, text: string];
