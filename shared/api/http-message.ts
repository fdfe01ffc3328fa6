/** Requests and answers in the form that every front door (Lambda, `node:http`) gives and takes. */

export interface ApiRequest {
  readonly method: string;
  /** Path and query as received: `/v1/workflows?limit=5`. */
  readonly target: string;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  /**
   * Null: it was longer than `bodyLimit` and has been dropped. A function reads it: it is called once the caller's key has
   * been accepted, so that callers without a key fill no memory, and throws `CallerGone` if the body does not come.
   */
  readonly body: string | null | (() => Promise<string | null>);
  /** Aborted when the caller has gone or the server stops. */
  readonly signal: AbortSignal;
}

/** The caller disconnected before the end of its body: nobody reads an answer. */
export class CallerGone extends Error {}

/** The text of the body, read now if it was not yet. */
export const textOfBody = async ({ body }: ApiRequest): Promise<string | null> =>
  typeof body === "function" ? body() : body;

export type ApiResponse = { readonly status: number; readonly headers: Record<string, string> } & (
  | { readonly kind: "body"; readonly body: string }
  /** Texts, each to be sent at once. */
  | { readonly kind: "stream"; readonly chunks: AsyncIterable<string> }
);
