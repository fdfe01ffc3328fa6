/** The context of one request: the caller, the workspace, and the ports. Every handler is given it. */
import type { Log, Ports } from "../ports.ts";
import type { Millis } from "../protocol/history.ts";
import type { Right } from "../protocol/rights.ts";
import type { WorkerAnswer } from "../protocol/worker.ts";
import type { Room } from "./room.ts";

export interface RequestContext {
  readonly ports: Ports;
  readonly options: ApiOptions;
  readonly workspace: string;
  /** Name of the API key; shown as `user_id` of the executions that it starts. */
  readonly user: string;
  readonly rights: readonly Right[];
  /** Present: the key is limited to these deployments. */
  readonly deployments?: readonly string[] | undefined;
  /** Present: the key is refused from then on. */
  readonly expiresAt?: Millis | undefined;
  /** Hash of the API key. */
  readonly key: string;
  /** Ends at once what a revoked key has open in this process. */
  forgetKey(hash: string): void;
  readonly requestId: string;
  /** For what the request reads, if that may be much (ROOM-1). */
  readonly room: Pick<Room, "take">;
  /** Aborted when the caller has gone, its key has been revoked, or the server stops; waits and streams then end. */
  readonly signal: AbortSignal;
  /** Every line carries the request id. */
  readonly log: Log;
}

export interface ApiOptions {
  /** Version of the program, shown by `/health` and in the OpenAPI document. */
  readonly version: string;
  /** Address of this installation for clients and workers, without a slash at the end. */
  readonly url: string;
  /**
   * Where other processes can revoke a key too, each process reads a key again after this long. Null: this process alone
   * revokes keys, and sees it at once.
   */
  readonly keysReadAgainMs: Millis | null;
  /** Address of the workers' endpoint. Default: `url`, where both are one server. */
  readonly workerUrl?: string;
  /** How long a query waits for a worker's answer. */
  readonly queryWaitMs: Millis;
  /** How long an update waits for its outcome. */
  readonly updateWaitMs: Millis;
  /** The `customer_id` of every workflow; one per installation. */
  readonly installation: string;
  /** Where a worker of `deployment` receives its tasks; part of the answer to its registration. */
  readonly tasks: (context: RequestContext, deployment: string) => Promise<WorkerAnswer<"register">["tasks"]>;
}

export const DEFAULT_OPTIONS: Omit<ApiOptions, "version" | "url"> = {
  keysReadAgainMs: null,
  queryWaitMs: 30_000,
  updateWaitMs: 60_000,
  installation: "0190a000-0000-7000-8000-000000000001",
  tasks: async () => ({ via: "poll" }),
};

export const refTo = (context: Pick<RequestContext, "workspace">, execution: string) => ({
  workspace: context.workspace,
  execution,
});
