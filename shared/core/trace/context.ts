/** Which trace an execution belongs to, from what its start recorded. Nothing of a trace is stored but that. */
import type { Head } from "../../protocol/head.ts";
import { isObject } from "../../protocol/json-value.ts";

/** SHA-256 of a text, hex. The caller gives it, because this folder has no `node:crypto`. */
export type Digest = (text: string) => string;

/** The span of the caller, as the header `traceparent` (W3C Trace Context) names it. */
export interface Caller {
  readonly trace: string;
  readonly span: string;
}

const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(?:-.*)?$/;

/** Null for a text that is no `traceparent`: the standard lets a receiver go on without it. */
export function callerOf(traceparent: unknown): Caller | null {
  const [, trace, span] = (typeof traceparent === "string" && TRACEPARENT.exec(traceparent)) || [];
  if (!trace || !span || /^0+$/.test(trace) || /^0+$/.test(span)) return null;
  return { trace, span };
}

/** Key under which a start request's tracing options are kept among the extensions. */
export const TRACING = "__tracing";

export interface Tracing {
  readonly caller: Caller | null;
  /** The caller's own attributes, for the span of the execution. */
  readonly attributes: Readonly<Record<string, string>>;
  readonly forced: boolean;
}

/** Extensions come from callers, so every field may have any form. */
export function tracingOf(head: Pick<Head, "extensions">): Tracing {
  const kept: unknown = head.extensions?.[TRACING];
  const tracing = isObject(kept) ? kept : {};
  const given = isObject(tracing.attributes) ? Object.entries(tracing.attributes) : [];
  const forced = tracing.force_new_trace === true;
  return {
    caller: forced ? null : callerOf(tracing.traceparent),
    attributes: Object.fromEntries(given.filter((entry): entry is [string, string] => typeof entry[1] === "string")),
    forced,
  };
}

/** A tree of executions is one trace: that of the caller of its root, or one derived from the chain of the root. */
export const traceIdOf = (head: Pick<Head, "trace" | "root_chain">, digest: Digest): string =>
  head.trace ?? digest(`trace ${head.root_chain}`).slice(0, 32);

/** The id of a span: the same whenever and wherever it is computed. `what`: as in `activity 3 1`; absent = the run itself. */
export const spanIdOf = (digest: Digest, run: string, what = "run"): string =>
  digest(`span ${run} ${what}`).slice(0, 16);

/** The span that the span of a run is below: the call of its parent, the run before it, or the caller's; null = none. */
export function parentSpanOf(head: Head, digest: Digest): string | null {
  if (head.continued_from !== null) return spanIdOf(digest, head.continued_from);
  if (head.parent !== null) return spanIdOf(digest, head.parent.run, `child ${head.parent.child}`);
  return tracingOf(head).caller?.span ?? null;
}
