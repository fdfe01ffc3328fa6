/** Requests and answers in the form that every front door (Lambda, `node:http`) gives and takes. */

export interface ApiRequest {
  readonly method: string;
  /** Path and query as received: `/v1/workflows?limit=5`. */
  readonly target: string;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** Bytes as they came, or a text that is decoded already. Null: it was longer than `bodyLimit` and has been dropped. */
  readonly body: Uint8Array | string | null;
  /** Aborted when the caller has gone or the server stops. */
  readonly signal: AbortSignal;
}

export type ApiResponse = { readonly status: number; readonly headers: Record<string, string> } & (
  | { readonly kind: "body"; readonly body: string }
  /** Texts, each to be sent at once. */
  | { readonly kind: "stream"; readonly chunks: AsyncIterable<string> }
);
