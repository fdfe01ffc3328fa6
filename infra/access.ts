/**
 * The rights of the functions, one line each. A function has no other rights, and its environment variables name exactly
 * the resources that it has rights on.
 *
 * `erase` on payloads allows to delete objects too: for the functions that delete executions.
 *
 * `read` on a table allows GetItem, BatchGetItem and Query. `write` also allows changes. No function may scan. A function
 * that may read executions or definitions may also read payloads, because any of their values may be in S3.
 */
import type { FunctionName } from "../shared/aws/names.ts";

export type Level = "read" | "write";

export interface Access {
  readonly executions?: Level;
  readonly registry?: Level;
  readonly schedules?: Level;
  readonly feed?: Level;
  readonly payloads?: Level | "erase";
  /** The index `due` of each table that the function may read. */
  readonly due?: true;
  /** The index `inputs` of executions. */
  readonly inputs?: true;
  /**
   * Deployments' queues: `send` tasks, `return` tasks in the place of a worker that died, `create` queues. Only operators delete
   * queues (`operate/queues.ts`).
   */
  readonly tasks?: readonly ("send" | "return" | "create")[];
  /** Set the wake-ups of schedules. */
  readonly arm?: true;
}

/** Start, advance or close executions. The effects of a close may reach a parent, a child or a schedule. */
const drive = {
  executions: "write",
  registry: "read",
  schedules: "write",
  payloads: "write",
  tasks: ["send"],
  arm: true,
} as const satisfies Access;

export const ACCESS: Record<FunctionName, Access> = {
  // Open jobs are entries of the index `due`: a new job counts them.
  executions: { ...drive, feed: "read", inputs: true, due: true },
  // What `executions` and `streams` answer without a body. A deletion takes the example of a failure out of the counts, which
  // are in the feed's table.
  commands: { ...drive, payloads: "erase", feed: "write", inputs: true, due: true },
  // The log records of a deployment are entries of the index `due`, and so is what a hold has kept: its release sends the tasks.
  registration: { registry: "write", executions: "read", payloads: "read", due: true, tasks: ["send"] },
  schedules: drive,
  streams: { executions: "read", registry: "read", feed: "read", payloads: "read", due: true },
  worker: { ...drive, registry: "write", tasks: ["send", "return", "create"] },
  // A release goes on in its rounds, which write how far it has come.
  sweeper: { ...drive, registry: "write", payloads: "erase", feed: "write", due: true },
  feed: { feed: "write", executions: "read", payloads: "read" },
  scheduler: drive,
  deadletters: drive,
};

export const READ_ACTIONS = ["dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query"];
/** A transaction needs the rights of its writes and no right of its own. */
export const WRITE_ACTIONS = [...READ_ACTIONS, "dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"];
