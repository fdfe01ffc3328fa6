/** `createClient`: the API of a server, with the types of its workflows. */
import type { IdReusePolicy } from "../../shared/protocol/http/executions.ts";
import type { MessageArgs } from "../schema.ts";
import { ApiError } from "./errors.ts";
import { type CallOptions, Execution } from "./execution.ts";
import { Connection, type Fetch } from "./http.ts";
import { type OpenTelemetry, tracedStart } from "./tracing.ts";
import type { WorkflowRef } from "./types.ts";

export interface ClientOptions {
  /** Address of the server. Default: `SIROCCO_URL`. In a page that the server's own host serves: `""`. */
  readonly url?: string;
  /** Default: `SIROCCO_API_KEY`. */
  readonly apiKey?: string;
  /** Sends the requests, such as `encodingFetch(…)` of `@sirocco/sdk/encoding`. Default: the global `fetch`. */
  readonly fetch?: Fetch;
  /** Sent with each request. */
  readonly headers?: Readonly<Record<string, string>>;
  /** The package `@opentelemetry/api`: each start is a span then, and the span of its run is below it. Default: no spans. */
  readonly openTelemetry?: OpenTelemetry;
  /** How often a request is tried, at least once. Default 5. */
  readonly attempts?: number;
}

export interface StartOptions extends CallOptions {
  /** Id of the execution. Default: the server makes one. */
  readonly id?: string;
  /** Starts with the same key are one start. Default: a random one for each call, so that a repeated request starts nothing twice. */
  readonly idempotencyKey?: string;
  /** Whether the id of a closed execution may be used again. Default `reject`. */
  readonly idReuse?: IdReusePolicy;
  /** Only a deployment of this name. Default: the one that serves the workflow. */
  readonly deployment?: string;
}

export interface Client {
  /** Starts an execution; resolves when its start is durable. */
  start<In, Out>(
    workflow: WorkflowRef<In, Out>,
    ...[input, options]: [...MessageArgs<In>, StartOptions?]
  ): Promise<Execution<Out>>;
  /** Starts an execution and waits, for any time, for its result. Throws `ExecutionError` if it ends without one. */
  execute<In, Out>(
    workflow: WorkflowRef<In, Out>,
    ...[input, options]: [...MessageArgs<In>, StartOptions?]
  ): Promise<Out>;
  /** An execution by its id, without a request. With its workflow, `result()` has the workflow's type. */
  execution<Out = unknown>(id: string, workflow?: WorkflowRef<never, Out>): Execution<Out>;
}

type Rest = readonly [input?: unknown, options?: StartOptions];

/** `wait_for_result` of one request, seconds: less than the minute after which many proxies end a silent connection. */
const WAIT_SECONDS = 50;

/** A client of the server at `url`. Throws a `TypeError` if there is no address. */
export function createClient(options: ClientOptions = {}): Client {
  const env = (globalThis as { process?: { env?: Record<string, string | undefined> } }).process?.env ?? {};
  const url = options.url ?? env.SIROCCO_URL;
  if (url === undefined) {
    throw new TypeError("createClient needs the address of the server: give `url`, or set SIROCCO_URL.");
  }
  const attempts = options.attempts ?? 5;
  if (!Number.isInteger(attempts) || attempts < 1) {
    throw new TypeError(`attempts is ${attempts}: give a whole number of at least 1.`);
  }
  const connection = new Connection({
    url: url.replace(/\/+$/, ""),
    apiKey: options.apiKey ?? env.SIROCCO_API_KEY,
    fetch: options.fetch ?? ((input, init) => fetch(input, init)),
    headers: options.headers ?? {},
    attempts,
  });

  const begin = (workflow: string, input: unknown, o: StartOptions, wait: boolean) => {
    const key = o.idempotencyKey ?? crypto.randomUUID();
    return tracedStart(options.openTelemetry, workflow, (traceparent) =>
      connection.call<{ execution_id: string; result?: unknown }>(
        "POST",
        `/v1/workflows/${encodeURIComponent(workflow)}/execute`,
        {
          signal: o.signal,
          headers: { "idempotency-key": key },
          body: {
            input: input ?? {},
            ...(o.id !== undefined && { execution_id: o.id }),
            ...(o.idReuse !== undefined && { id_reuse_policy: o.idReuse }),
            ...(o.deployment !== undefined && { deployment_name: o.deployment }),
            ...(wait && { wait_for_result: true, timeout_seconds: WAIT_SECONDS }),
            ...(traceparent !== undefined && { traceparent }),
          },
          repeatable: true,
        },
      ),
    );
  };

  return {
    async start(workflow, ...rest) {
      const [input, o = {}] = rest as unknown as Rest;
      const { execution_id } = await begin(workflow.name, input, o, false);
      return new Execution(connection, execution_id, workflow as WorkflowRef<never, never>);
    },
    async execute(workflow, ...rest) {
      const [input, o = {}] = rest as unknown as Rest;
      const of = (id: string) => new Execution(connection, id, workflow as WorkflowRef<never, never>);
      try {
        const { execution_id, result } = await begin(workflow.name, input, o, true);
        return of(execution_id).unwrapped(result);
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        const { execution_id: id } = (error.body ?? {}) as { execution_id?: string };
        if (id === undefined) throw error;
        if (error.status === 408) return of(id).result(o); // it runs for longer than one request waits
        throw await of(id).failed(error, o);
      }
    },
    execution: (id, workflow) => new Execution(connection, id, workflow),
  };
}
