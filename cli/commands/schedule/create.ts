/** `sirocco schedule create`. */
import { apiOf } from "../../api.ts";
import { command } from "../../command.ts";
import { EXIT } from "../../errors.ts";
import { inputFlag, readInput } from "../../input.ts";
import { printJson } from "../../print.ts";
import { jsonFlag, targetFlags } from "../../target.ts";
import { policyFlags, policyOf, type Spec, specOf, timeFlags } from "./spec.ts";
import { showSchedule } from "./view.ts";

export const create = command({
  name: "schedule create",
  summary: "create a schedule: start executions of a workflow by a rule",
  details:
    "The rule is the union of --cron, --every and the rule in --spec. Without any of them the schedule starts runs only when it is triggered.\nTry a rule first with: sirocco schedule preview",
  positionals: [{ name: "workflow", help: "name or id of the workflow, or id of a registration" }],
  flags: {
    id: { type: "string", value: "ID", help: "id of the schedule, A-Z a-z 0-9 _ - (default: a new UUID)" },
    ...inputFlag,
    deployment: { type: "string", value: "NAME", help: "the deployment, if several serve the workflow" },
    ...timeFlags,
    ...policyFlags,
    ...targetFlags,
    ...jsonFlag,
  },
  examples: [
    "sirocco schedule create report --cron '0 3 * * *' --tz Europe/Paris",
    `sirocco schedule create sync --every 15m --jitter 2m -i '{"source":"crm"}'`,
    "sirocco schedule create report --spec schedule.json",
  ],
  async run([workflow], flags, io) {
    const spec = await specOf(flags, io);
    const input = await readInput(flags.input, io);
    const policy = policyOf(flags);
    const schedule: Spec = {
      ...spec,
      input: input ?? spec.input ?? {},
      ...(policy && { policy: { ...(spec.policy as Spec | undefined), ...policy } }),
      ...(flags.id !== undefined && { schedule_id: flags.id }),
    };
    const api = apiOf(flags, io);
    const { schedule_id } = await api.call("scheduleWorkflow", {
      body: {
        workflow_identifier: workflow!,
        schedule,
        ...(flags.deployment !== undefined && { deployment_name: flags.deployment }),
      },
    });
    const created = await api.call("getSchedule", { params: { schedule_id } });
    if (flags.json) printJson(io, created);
    else showSchedule(created, io);
    return EXIT.ok;
  },
});
