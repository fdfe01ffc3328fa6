/** Why a call has no answer, in the server's own words where it has said something. */
import type { DetailItem } from "../../../shared/protocol/detail.ts";

export class CallFailed extends Error {
  override readonly name = "CallFailed";
  /** 0: the server was not reached, or the connection broke. */
  readonly status: number;
  readonly code: string | undefined;
  /** The problems of a 422, one for each place. */
  readonly items: readonly DetailItem[];
  readonly body: Readonly<Record<string, unknown>>;

  constructor(status: number, message: string, body: Readonly<Record<string, unknown>> = {}) {
    super(message);
    this.status = status;
    this.body = body;
    this.code = typeof body.code === "string" ? body.code : undefined;
    this.items = Array.isArray(body.detail) ? (body.detail as DetailItem[]) : [];
  }
}

/** The failure for an answer that is no success. */
export function failureOf(status: number, text: string): CallFailed {
  let body: Record<string, unknown> = {};
  try {
    const read: unknown = JSON.parse(text);
    if (typeof read === "object" && read !== null) body = read as Record<string, unknown>;
  } catch {
    // A proxy answers in its own words.
  }
  const { detail } = body;
  if (typeof detail === "string") return new CallFailed(status, detail, body);
  if (Array.isArray(detail)) {
    const lines = (detail as DetailItem[]).map(({ loc, msg }) => `${loc.slice(1).join(".") || loc[0]}: ${msg}`);
    return new CallFailed(status, lines.join("\n"), body);
  }
  return new CallFailed(status, `The server answered with status ${status} and no explanation.`, body);
}

export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
