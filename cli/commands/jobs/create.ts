/** `sirocco jobs create`. */
import { apiOf } from "../../api.ts";
import { command } from "../../command.ts";
import { EXIT, usage } from "../../errors.ts";
import { readInput } from "../../input.ts";
import { printJson } from "../../print.ts";
import { jsonFlag, targetFlags } from "../../target.ts";
import { showJob } from "./view.ts";

const ACTIONS = ["cancel", "terminate", "signal"];

export const create = command({
  name: "jobs create",
  summary: "act on all running executions that the filters find",
  details:
    "The server works on the job, page by page, also after a restart. `sirocco jobs get ID` shows its progress.\nExecutions that start later are not part of it.",
  positionals: [{ name: "action", help: "cancel, terminate or signal" }],
  flags: {
    workflow: { type: "string", value: "NAME", help: "only executions of this workflow; a signal needs it" },
    deployment: { type: "string", value: "NAME", help: "only executions of this deployment" },
    tag: { type: "string", value: "TAG", multiple: true, help: "only workflows with this tag; may be repeated" },
    search: { type: "string", value: "TEXT", help: "only ids or workflows that contain this" },
    "search-key": { type: "string", value: "KEY:VALUE", multiple: true, help: "only runs with this search key" },
    "started-before": { type: "string", value: "TIME", help: "only executions that started before, in ISO 8601" },
    "started-after": { type: "string", value: "TIME", help: "only executions that started after, in ISO 8601" },
    all: { type: "boolean", help: "without a filter: all running executions of the workspace" },
    name: { type: "string", value: "NAME", help: "signal: its name" },
    input: {
      type: "string",
      short: "i",
      value: "JSON",
      help: "signal: its input as JSON, @file, or - for standard input",
    },
    reason: { type: "string", value: "TEXT", help: "terminate: why" },
    ...targetFlags,
    ...jsonFlag,
  },
  examples: [
    "sirocco jobs create cancel --workflow invoice_processor",
    'sirocco jobs create terminate --deployment old --reason "moved to the new one"',
    'sirocco jobs create signal --workflow order --name approve -i \'{"by": "ops"}\'',
  ],
  async run([action], flags, io) {
    if (!ACTIONS.includes(action!))
      throw usage(`'${action}' is no action of a job: it must be cancel, terminate or signal`);
    const filter = {
      ...(flags.workflow !== undefined && { workflow_identifier: flags.workflow }),
      ...(flags.deployment !== undefined && { deployment_name: flags.deployment }),
      ...(flags.tag.length > 0 && { workflow_tags: flags.tag }),
      ...(flags.search !== undefined && { search: flags.search }),
      ...(flags["search-key"].length > 0 && { search_key: flags["search-key"] }),
      ...(flags["started-before"] !== undefined && { start_time_before: flags["started-before"] }),
      ...(flags["started-after"] !== undefined && { start_time_after: flags["started-after"] }),
    };
    if (Object.keys(filter).length === 0 && !flags.all)
      throw usage("jobs create needs a filter; --all means all running executions of the workspace");
    const body = {
      action: action!,
      filter,
      ...(flags.name !== undefined && { name: flags.name }),
      ...(flags.input !== undefined && { input: await readInput(flags.input, io) }),
      ...(flags.reason !== undefined && { reason: flags.reason }),
    };
    const job = await apiOf(flags, io).call("createJob", { body });
    if (flags.json) printJson(io, job);
    else showJob(job, io);
    return EXIT.ok;
  },
});
