/** Requests and answers in the form that every front door (Lambda, `node:http`) gives and takes. */

export type RequestBody = Uint8Array | string | null;

export interface ApiRequest {
  readonly method: string;
  /** Path and query as received: `/v1/workflows?limit=5`. */
  readonly target: string;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  /**
   * Bytes as they came, or a text that is decoded already. Null: it was longer than `bodyLimit` and has been dropped. A
   * function reads it: it is called once the caller's key has been accepted, so that callers without a key fill no memory,
   * and throws `CallerGone` if the body does not come.
   */
  readonly body: RequestBody | (() => Promise<RequestBody>);
  /** Aborted when the caller has gone or the server stops. */
  readonly signal: AbortSignal;
}

/** The caller disconnected before the end of its body: nobody reads an answer. */
export class CallerGone extends Error {}

export type ApiResponse = { readonly status: number; readonly headers: Record<string, string> } & (
  | { readonly kind: "body"; readonly body: string }
  /** Texts or bytes, each to be sent at once. */
  | { readonly kind: "stream"; readonly chunks: AsyncIterable<string> | AsyncIterable<Uint8Array> }
);
