/**
 * Who may do what: one line per function, read aloud in a review. Everything a function is not given here it cannot do,
 * and the environment variables it finds are those of what it was given.
 *
 * `read` on a table is GetItem, BatchGetItem and Query; `write` adds the changes. Nobody may scan. Whoever may read
 * executions or definitions may read payloads: any of their values may be too large for an item.
 */
import type { FunctionName } from "../shared/aws/names.ts";

export type Level = "read" | "write";

export interface Access {
  readonly executions?: Level;
  readonly registry?: Level;
  readonly schedules?: Level;
  readonly feed?: Level;
  readonly payloads?: Level;
  /** The index of what is due, on each table it may read that has one. */
  readonly due?: true;
  /** Deployments' queues: `send` tasks, `create` queues. Deleting them is for operators (`operate/queues.ts`), not for handlers. */
  readonly tasks?: readonly ("send" | "create")[];
  /** Arm the wake-up of workflow schedules. */
  readonly arm?: true;
}

/** Starting, advancing or closing an execution: its close effects may reach a parent, a child or a schedule. */
const drive = {
  executions: "write",
  registry: "read",
  schedules: "write",
  payloads: "write",
  tasks: ["send"],
  arm: true,
} as const satisfies Access;

export const ACCESS: Record<FunctionName, Access> = {
  executions: { ...drive, feed: "read" },
  registration: { registry: "write", executions: "read", payloads: "read" },
  schedules: drive,
  streams: { executions: "read", registry: "read", feed: "read", payloads: "read" },
  worker: { ...drive, registry: "write", tasks: ["send", "create"] },
  sweeper: { ...drive, due: true },
  feed: { feed: "write", executions: "read", payloads: "read" },
  scheduler: drive,
  deadletters: drive,
};

export const READ_ACTIONS = ["dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query"];
/** A transaction needs the rights of the writes in it and none of its own. */
export const WRITE_ACTIONS = [...READ_ACTIONS, "dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"];
