/** Checks name and input of a signal, query or update against the handlers that the workflow declares, before it is sent. */
import type { RegistrationRecord } from "../ports.ts";
import { invalid, noSuchHandler, type Refusal } from "../protocol/errors.ts";
import type { Head } from "../protocol/head.ts";
import { isEncodedInput } from "../protocol/http/fields.ts";
import { inputProblems } from "../routing/input-problems.ts";
import { tooLarge } from "./payload.ts";
import type { RequestContext } from "./request-context.ts";

type Kind = "signal" | "query" | "update";
const LIST = { signal: "signals", query: "queries", update: "updates" } as const;

/** Null: it may be sent. The head names the workflow, because a continued run may be of another one than the first run. */
export async function checkInvocation(
  context: RequestContext,
  head: Head,
  kind: Kind,
  p: { name: string; input: unknown },
): Promise<Refusal | null> {
  const large = tooLarge(`input of the ${kind}`, p.input);
  if (large) return large;
  await context.ports.pause?.();
  const { workflow, deployment } = head;
  const [registration] = await context.ports.registry.registrations(context.workspace, { workflow, deployment });
  return registration ? checkHandler(registration, kind, p) : null; // not registered any more: the worker checks
}

/** Null: the workflow declares the handler, and the input fits its schema. */
export async function checkHandler(
  registration: Pick<RegistrationRecord, "workflow" | "definition">,
  kind: Kind,
  p: { name: string; input: unknown },
): Promise<Refusal | null> {
  const handlers = registration.definition[LIST[kind]];
  const handler = handlers.find((h) => h.name === p.name);
  if (!handler) return noSuchHandler(kind, p.name, registration.workflow, handlers.map((h) => h.name).sort());
  if (isEncodedInput(p.input)) return null;
  const problems = await inputProblems(handler.input_schema, p.input);
  return problems.length > 0 ? invalid(problems) : null;
}
