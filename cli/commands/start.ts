/** `sirocco start`: starts an execution and, with --wait, waits until it has closed. */
import { uuid7 } from "../../shared/lib/uuid.ts";
import { IdReusePolicy } from "../../shared/protocol/http/executions.ts";
import { Api, apiOf, CONNECTION_LOST } from "../api.ts";
import { command } from "../command.ts";
import { CliError, EXIT, type Exit } from "../errors.ts";
import { exitOf, showExecution } from "../executions.ts";
import { followExecution } from "../follow.ts";
import { inputFlag, readInput } from "../input.ts";
import type { Io } from "../io.ts";
import { lengthOf } from "../length.ts";
import { fields, paint, printJson } from "../print.ts";
import { jsonFlag, targetFlags } from "../target.ts";

export const start = command({
  name: "start",
  summary: "start an execution of a workflow",
  details:
    "The command chooses the execution's id before the call, so that you know what to look for if the answer is lost.",
  positionals: [{ name: "workflow", help: "name or id of the workflow" }],
  flags: {
    ...inputFlag,
    id: { type: "string", value: "ID", help: "id of the execution, A-Z a-z 0-9 _ - (default: a new UUID)" },
    reuse: {
      type: "string",
      value: "POLICY",
      help: "use the id of a closed execution again: reject (default), reject-unless-failed, allow",
    },
    "idempotency-key": {
      type: "string",
      value: "KEY",
      help: "idempotency key: the same start with the same key happens once",
    },
    deployment: { type: "string", value: "NAME", help: "the deployment, if several serve the workflow" },
    wait: { type: "boolean", short: "w", help: "wait until the execution has closed; exit code 1 unless it completed" },
    timeout: { type: "string", value: "TIME", help: "with --wait: stop waiting after this long, such as 90s or 2h" },
    ...targetFlags,
    ...jsonFlag,
  },
  examples: [
    `sirocco start hello --input '{"name":"Ada"}' --wait`,
    "sirocco start invoice_processor --input @invoice.json --id INV-001",
    "jq '{id}' order.json | sirocco start ship --input -",
  ],
  async run([workflow], flags, io) {
    const timeoutMs = lengthOf("timeout", flags.timeout);
    if (timeoutMs !== undefined && !flags.wait)
      throw new CliError(EXIT.usage, "--timeout limits the wait: it needs --wait.");
    const input = await readInput(flags.input, io);
    const api = apiOf(flags, io);
    const id = flags.id ?? uuid7(Date.now());
    const body = {
      // With a key alone the server chooses the id: a repeated command is the same request.
      execution_id: flags["idempotency-key"] !== undefined && flags.id === undefined ? undefined : id,
      ...(flags["idempotency-key"] !== undefined && { idempotency_key: flags["idempotency-key"] }),
      ...(flags.reuse !== undefined && { id_reuse_policy: reuseOf(flags.reuse) }),
      ...(input && { input }),
      ...(flags.deployment !== undefined && { deployment_name: flags.deployment }),
    };
    const started = await api
      .call("executeWorkflow", { params: { workflow_identifier: workflow! }, body })
      .catch((error) => Promise.reject(uncertain(error, body.execution_id)));
    const startedId = started.execution_id;
    if (flags.wait) return wait(api, startedId, timeoutMs, flags.json, io);
    if (flags.json) printJson(io, started);
    else {
      fields(io, [
        ["execution", startedId, "bold"],
        ["workflow", started.workflow_name],
        ["deployment", "deployment_name" in started ? started.deployment_name : null],
      ]);
      io.err(paint(io, "dim", `follow it with: sirocco tail ${startedId}`));
    }
    return EXIT.ok;
  },
});

function reuseOf(given: string): IdReusePolicy {
  const policy = IdReusePolicy.safeParse(given.replaceAll("-", "_"));
  if (policy.success) return policy.data;
  throw new CliError(EXIT.usage, `--reuse is '${given}': it must be reject, reject-unless-failed or allow.`);
}

/** After a connection that broke during the call, the execution may have started or not: says how to find out. */
function uncertain(error: unknown, id: string | undefined): unknown {
  if (!(error instanceof CliError) || error.exit !== EXIT.unreachable || !error.message.includes(CONNECTION_LOST))
    return error;
  return new CliError(
    error.exit,
    error.message,
    [
      id === undefined
        ? "The execution may have started; repeat the command with the same --idempotency-key, it starts once."
        : `The execution may have started; look with: sirocco get ${id}`,
      ...error.advice,
    ],
    error,
  );
}

async function wait(api: Api, id: string, timeoutMs: number | undefined, json: boolean, io: Io): Promise<Exit> {
  const limit = timeoutMs === undefined ? undefined : AbortSignal.timeout(timeoutMs);
  const signal = limit ? AbortSignal.any([io.signal, limit]) : io.signal;
  const waiting = new Api(api.target, signal);
  const lost = (why: CliError) => io.err(paint(io, "dim", `${why.message} Connecting again.`));
  try {
    for await (const _ of followExecution(waiting, id, { after: 0, signal, onLost: lost })) void _;
  } catch (error) {
    if (!signal.aborted) throw error;
  }
  if (io.signal.aborted) {
    io.err(`Stopped waiting; execution ${id} continues.`);
    return EXIT.failed;
  }
  if (limit?.aborted) {
    throw new CliError(EXIT.failed, `Execution ${id} has not closed within --timeout; it continues.`, [
      `Follow it with: sirocco tail ${id}`,
    ]);
  }
  const execution = await api.call("getWorkflowExecution", {
    params: { execution_id: id },
    query: { include_search_keys: true },
  });
  if (json) printJson(io, execution);
  else await showExecution(api, execution, io);
  return exitOf(execution.status);
}
