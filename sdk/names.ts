/** Checks the names of workflows, activities and handlers where they are defined. */
import { UsageError } from "./errors.ts";

const NAME = /^[A-Za-z0-9_-]{1,128}$/;
/** Words of the API's paths under `/v1/workflows/`: a workflow of that name could not be reached. */
const RESERVED = new Set(
  "archive unarchive registrations register runs executions schedules deployments events workers definitions internal webhooks metrics".split(
    " ",
  ),
);

export function checkName(kind: "workflow" | "activity", name: string): string {
  if (typeof name !== "string" || !NAME.test(name)) {
    throw new UsageError(`${kind} name ${JSON.stringify(name)}: use 1 to 128 of A-Z a-z 0-9 _ -`);
  }
  if (kind === "workflow" && RESERVED.has(name)) {
    throw new UsageError(`workflow name "${name}" is a word of the API's own paths; choose another.`);
  }
  return name;
}

export function checkHandlerName(kind: string, name: string): string {
  if (typeof name !== "string" || name.length < 1 || name.length > 128) {
    throw new UsageError(`${kind} name ${JSON.stringify(name)}: use 1 to 128 characters`);
  }
  if (name.startsWith("__")) throw new UsageError(`${kind} name "${name}": names that begin with __ are reserved.`);
  return name;
}
