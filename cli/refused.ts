/** Turns a refusal of the server into an error: the server's text, and advice on what to do. */
import { ErrorBody } from "../shared/protocol/errors.ts";
import type { AvailableOperation } from "../shared/protocol/routes.ts";
import { CliError, EXIT } from "./errors.ts";
import type { Target } from "./target.ts";

/** The parts of a call that a refusal can refer to. */
export interface Asked {
  readonly params?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;
  readonly body?: Readonly<Record<string, unknown>>;
  readonly headers?: Readonly<Record<string, string>>;
}

/** The server refused the call. `status`: of HTTP; `code`: of the body. */
export class Refused extends CliError {
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string, advice: readonly string[]) {
    super(EXIT.failed, message, advice);
    this.name = "Refused";
    this.status = status;
    this.code = code;
  }
}

export function refused(
  operation: AvailableOperation,
  status: number,
  text: string,
  call: Asked,
  target: Target,
): Refused {
  const body = parsed(text);
  if (!body) {
    const shown = text.trim().slice(0, 200) || "no body";
    const advice = [
      OF_THE_FRONT[status] ?? "This is not an answer of a Sirocco server: check the address.",
      ...(isGateway403(status, text) ? [STAGE] : []),
      `The address comes from ${target.from.url}.`,
    ];
    return new Refused(status, "", `${target.url} answered ${status}: ${shown}`, advice);
  }
  const code = body.code ?? "";
  if (code === "AMBIGUOUS_WORKFLOW") return ambiguous(status, body.deployments as string[], call);
  const known = Array.isArray(body.reset_points) ? pointsOf(body.reset_points) : [];
  return new Refused(status, code, sentence(status, body.detail), [
    ...known,
    ...advice(operation, status, code, call.params ?? {}, target),
  ]);
}

/** What a front such as API Gateway or a proxy refuses by itself, in a form of its own. */
const OF_THE_FRONT: Readonly<Record<number, string>> = {
  413: "The request is too large for what stands before the server (10 MB at API Gateway): send less, or let the encoding of payloads offload them.",
  414: "The address with its query is too long for what stands before the server: filter by less.",
  429: "Too many requests at once: try again in a second, or raise the limit (on AWS the setting apiRequestsPerSecond).",
  431: "The headers are too large for what stands before the server (10 KB at API Gateway): is the API key whole, and only the key?",
  502: "What stands before the server got no proper answer from it: its log has the cause. A read can be repeated.",
  504: "The server did not answer in time. The request may have been carried out: look before you repeat it.",
};
/** API Gateway knows no stage, or no API, of this address. */
const isGateway403 = (status: number, text: string): boolean =>
  status === 403 && /"message":\s*"(Forbidden|Missing Authentication Token)"/.test(text);
const STAGE =
  "API Gateway has no stage of this name: use the stack's output ApiUrl as it is, with the stage at its end.";

function parsed(text: string): (ErrorBody & Record<string, unknown>) | undefined {
  try {
    const result = ErrorBody.safeParse(JSON.parse(text));
    return result.success && (result.data.detail !== undefined || result.data.code !== undefined)
      ? result.data
      : undefined;
  } catch {
    return undefined;
  }
}

function sentence(status: number, detail: ErrorBody["detail"]): string {
  if (typeof detail === "string") return detail;
  if (!detail || detail.length === 0) return `The server answered ${status}.`;
  const items = detail.map(({ loc, msg }) => {
    const place = loc.filter((step, i) => !(i === 0 && (step === "body" || step === "query"))).join(".");
    return place === "" ? msg : `${place}: ${msg}`;
  });
  return items.length === 1 ? `Refused: ${items[0]}` : `Refused:\n${items.map((item) => `  ${item}`).join("\n")}`;
}

const POINTS_SHOWN = 10;

/** The last events to which the execution can be reset. */
function pointsOf(points: readonly { event_id: number; at: string; after: string; decisions: string[] }[]): string[] {
  if (points.length === 0) return [];
  const lines = points
    .slice(-POINTS_SHOWN)
    .map(({ event_id, at, after, decisions }) => `  --event ${event_id}  ${at}  ${after}: ${decisions.join(", ")}`);
  return ["It can be reset to:", ...lines];
}

function ambiguous(status: number, deployments: readonly string[], call: Asked): Refused {
  const workflow = call.params?.workflow_identifier ?? "this workflow";
  const message = `Workflow '${workflow}' is served by several active deployments: ${deployments.join(", ")}.`;
  return new Refused(status, "AMBIGUOUS_WORKFLOW", message, [`Name one of them: --deployment ${deployments[0]}`]);
}

const WORKFLOWS = "`sirocco workflows` lists the registered workflows";
const TO_START = `${WORKFLOWS}, \`sirocco deployments\` the deployments with a live worker.`;
const KEYS = "`sirocco key list` shows the keys of this workspace.";

/** The command that shows what there is, for a 404 of an operation: by the parameter of its path, unless it has its own. */
const OWN_HINTS: Partial<Record<AvailableOperation, string>> = {
  executeWorkflow: TO_START,
  scheduleWorkflow: TO_START,
  hardenDeployment: KEYS,
};
const FOUND_BY: Readonly<Record<string, string>> = {
  event_id: "`sirocco history` lists the events with their ids.",
  execution_id: "`sirocco list` shows the executions of this workspace.",
  run_id: "`sirocco list --json` shows the run ids of executions.",
  job_id: "`sirocco jobs list` shows the jobs of this workspace.",
  key_id: KEYS,
  name: "`sirocco deployments --all` lists the deployments.",
  deployment_id: "`sirocco deployments --all` lists the deployments.",
  workflow_identifier: `${WORKFLOWS}.`,
  workflow_name: `${WORKFLOWS}.`,
};

function advice(
  operation: AvailableOperation,
  status: number,
  code: string,
  params: Readonly<Record<string, string>>,
  target: Target,
): string[] {
  if (status === 401)
    return [
      `The key comes from ${target.from.key}; a development server keeps its key in the file \`key\` of its data directory.`,
    ];
  if (code === "NO_ROUTE")
    return [
      `The server at ${target.url} (from ${target.from.url}) does not serve this command.`,
      "An address for workers alone, such as the stack's output WorkerUrl, does not: use the output ApiUrl.",
    ];
  if (code === "WF_1101") return ["Leave --id out to get a new id, or read that execution with `sirocco get`."];
  if (code === "WF_1201") return ["`sirocco schedule list` shows the schedules of this workspace."];
  if (code === "LAST_ADMIN_KEY") return ["`sirocco key create NAME` makes another one."];
  if (status === 404) {
    const [param] = Object.keys(FOUND_BY).filter((name) => name in params);
    const hint = OWN_HINTS[operation] ?? (param === undefined ? undefined : FOUND_BY[param]);
    return hint === undefined ? [] : [hint];
  }
  if (status === 504) return ["`sirocco deployments` shows whether a worker is running."];
  if (status >= 500 && status !== 501 && code !== "WF_1000") return ["The server's log has the cause."];
  return [];
}
