/** Names of workflows, activities and handlers, by the server's own rules: a name that the server refuses fails here first. */
import { ActivityName, HandlerName, idProblem, WorkflowName } from "../shared/protocol/ids.ts";
import { UsageError } from "./errors.ts";

/** Answers the name, or throws `UsageError` with what is allowed. */
export function checkName(kind: "workflow" | "activity", name: string): string {
  const problem = idProblem(kind === "workflow" ? WorkflowName : ActivityName, name);
  if (problem !== undefined) throw new UsageError(`${kind} name: ${problem}`);
  return name;
}

export function checkHandlerName(kind: string, name: string): string {
  const problem = idProblem(HandlerName, name);
  if (problem !== undefined) throw new UsageError(`${kind} name: ${problem}`);
  if (name.startsWith("__")) throw new UsageError(`${kind} name "${name}": names that begin with __ are reserved.`);
  return name;
}
