/**
 * The calls of a worker whose server runs in another thread of its process (`sirocco dev --one-process`): messages between
 * the two ends of a message port in the place of HTTP, with the same paths, keys and bodies.
 *
 * NEAR-1. The program that starts such a server keeps it in the global property `NEAR_SERVER` before it loads a worker. A worker
 *     uses it for calls to that server's address, and HTTP for all others. The property has a number: programs with other
 *     messages use another one, so that packages of different versions fall back to HTTP.
 * NEAR-2. A call has a number of its own on its port. After `CANCEL` of a call, or once the port is closed, its answer
 *     is not waited for any more, as after the end of a connection.
 */
import type { MessagePort } from "node:worker_threads";

export const NEAR_SERVER = Symbol.for("sirocco.near_server.1");

export interface NearServer {
  /** Its address for HTTP. */
  readonly url: string;
  /** A new port for the calls of one worker. Closing it ends them. */
  connect(): MessagePort;
}

/** From the worker: a call, or the end of one. */
export type NearCall =
  | readonly [id: number, path: string, authorization: string, body: string]
  /** It is not waited for any more. */
  | readonly [id: number];

/** Instead of a status: one line of an answer of lines. The status follows the last one. */
export const LINE = 0;

/** From the server: an answer, or a line of one. */
export type NearAnswer = readonly [id: number, status: number, text: string];
