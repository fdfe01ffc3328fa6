/** `sirocco deployments promote` and `rollback`. */
import type { ResponseOf } from "../../../shared/protocol/routes.ts";
import { apiOf } from "../../api.ts";
import { command } from "../../command.ts";
import { EXIT, usage } from "../../errors.ts";
import type { Io } from "../../io.ts";
import { printJson, table } from "../../print.ts";
import { jsonFlag, targetFlags } from "../../target.ts";

const workflowFlag = {
  workflow: {
    type: "string",
    value: "NAME",
    multiple: true,
    help: "only this workflow; may be repeated. Default: all that the deployment registers",
  },
} as const;

export const promote = command({
  name: "deployments promote",
  summary: "make a deployment the current one: new starts go to it",
  details:
    "Starts that name no deployment go to the current one, and so do those of schedules that name none, and the next runs of\nexecutions that continue as new. What runs stays where it is. With --ramp only a part of the executions goes to the\ndeployment; their ids decide which.",
  positionals: [{ name: "deployment", help: "name of a deployment with a live worker" }],
  flags: {
    ...workflowFlag,
    ramp: {
      type: "string",
      value: "10%",
      help: "only this part of the executions; the others stay with the current one",
    },
    ...targetFlags,
    ...jsonFlag,
  },
  examples: [
    "sirocco deployments promote billing-v2 --ramp 10%",
    "sirocco deployments promote billing-v2",
    "sirocco deployments promote billing-v2 --workflow invoice_processor",
  ],
  async run([name], flags, io) {
    const body = {
      ...(flags.workflow.length > 0 && { workflow_names: flags.workflow }),
      ...(flags.ramp !== undefined && { ramp_percent: percentOf(flags.ramp) }),
    };
    show(await apiOf(flags, io).call("promoteDeployment", { params: { name: name! }, body }), flags.json, io);
    return EXIT.ok;
  },
});

export const rollback = command({
  name: "deployments rollback",
  summary: "take a promotion back: new starts go where they went before it",
  details:
    "Ends the ramps to the deployment. Where it is the current one, the deployment before it is current again; where there was\nnone before, the workflow has no current deployment.",
  positionals: [{ name: "deployment", help: "name of the deployment that was promoted" }],
  flags: { ...workflowFlag, ...targetFlags, ...jsonFlag },
  examples: ["sirocco deployments rollback billing-v2"],
  async run([name], flags, io) {
    const body = { ...(flags.workflow.length > 0 && { workflow_names: flags.workflow }) };
    show(await apiOf(flags, io).call("rollBackDeployment", { params: { name: name! }, body }), flags.json, io);
    return EXIT.ok;
  },
});

function percentOf(text: string): number {
  const percent = Number(/^(\d+(?:\.\d+)?)%?$/.exec(text)?.[1]);
  if (!(percent >= 0.01 && percent <= 100))
    throw usage(`--ramp is a percentage from 0.01 to 100, such as 10%, not '${text}'`);
  return percent;
}

function show(changed: ResponseOf<"promoteDeployment">, json: boolean, io: Io): void {
  if (json) {
    printJson(io, changed);
    return;
  }
  const rows = changed.workflows.map(({ workflow_name, current_deployment, ramp }) => [
    { text: workflow_name, tone: "bold" as const },
    { text: current_deployment ?? "none: several active deployments are ambiguous" },
    { text: ramp ? `${ramp.percent}% to ${ramp.deployment_name}` : "" },
  ]);
  table(io, ["workflow", "new starts go to", "ramp"], rows);
}
