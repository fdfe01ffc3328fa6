/** `sirocco jobs create`. */
import { apiOf } from "../../api.ts";
import { command } from "../../command.ts";
import { EXIT, usage } from "../../errors.ts";
import { readInput } from "../../input.ts";
import { printJson } from "../../print.ts";
import { statusOf } from "../../status.ts";
import { jsonFlag, targetFlags } from "../../target.ts";
import { pointOf } from "../reset.ts";
import { showJob } from "./view.ts";

const ACTIONS = ["cancel", "terminate", "signal", "reset", "delete"];

export const create = command({
  name: "jobs create",
  summary: "act on all executions that the filters find",
  details:
    "The server works on the job, page by page, also after a restart. `sirocco jobs get ID` shows its progress.\nExecutions that start later are not part of it.\nA reset is for failed executions and a delete for all closed ones unless --status says otherwise, the other actions are for running ones.",
  positionals: [{ name: "action", help: "cancel, terminate, signal, reset or delete" }],
  flags: {
    workflow: { type: "string", value: "NAME", help: "only executions of this workflow; a signal needs it" },
    deployment: { type: "string", value: "NAME", help: "only executions of this deployment" },
    tag: { type: "string", value: "TAG", multiple: true, help: "only workflows with this tag; may be repeated" },
    search: { type: "string", value: "TEXT", help: "only ids or workflows that contain this" },
    "search-key": { type: "string", value: "KEY:VALUE", multiple: true, help: "only runs with this search key" },
    "started-before": { type: "string", value: "TIME", help: "only executions that started before, in ISO 8601" },
    "started-after": { type: "string", value: "TIME", help: "only executions that started after, in ISO 8601" },
    status: { type: "string", value: "STATUS", multiple: true, help: "reset, delete: of these statuses" },
    failure: {
      type: "string",
      value: "FINGERPRINT",
      help: "reset, delete: runs that failed so, of `sirocco failures --json`",
    },
    all: { type: "boolean", help: "without a filter: all such executions of the workspace" },
    name: { type: "string", value: "NAME", help: "signal: its name" },
    input: {
      type: "string",
      short: "i",
      value: "JSON",
      help: "signal: its input as JSON, @file, or - for standard input",
    },
    to: { type: "string", value: "POINT", help: "reset: start, last-decision or first-failure" },
    "exclude-signals": { type: "boolean", help: "reset: do not give later signals again" },
    "exclude-updates": { type: "boolean", help: "reset: do not give later updates again" },
    reason: { type: "string", value: "TEXT", help: "terminate, reset: why" },
    ...targetFlags,
    ...jsonFlag,
  },
  examples: [
    "sirocco jobs create cancel --workflow invoice_processor",
    'sirocco jobs create terminate --deployment old --reason "moved to the new one"',
    "sirocco jobs create reset --workflow order --to first-failure",
    "sirocco jobs create delete --workflow order --search-key customer:4711",
    'sirocco jobs create signal --workflow order --name approve -i \'{"by": "ops"}\'',
  ],
  async run([action], flags, io) {
    if (!ACTIONS.includes(action!))
      throw usage(`'${action}' is no action of a job: it must be cancel, terminate, signal, reset or delete`);
    const named = {
      ...(flags.workflow !== undefined && { workflow_identifier: flags.workflow }),
      ...(flags.deployment !== undefined && { deployment_name: flags.deployment }),
      ...(flags.tag.length > 0 && { workflow_tags: flags.tag }),
      ...(flags.search !== undefined && { search: flags.search }),
      ...(flags["search-key"].length > 0 && { search_key: flags["search-key"] }),
      ...(flags["started-before"] !== undefined && { start_time_before: flags["started-before"] }),
      ...(flags["started-after"] !== undefined && { start_time_after: flags["started-after"] }),
      ...(flags.failure !== undefined && { failure: flags.failure }),
    };
    const filter = { ...named, ...(flags.status.length > 0 && { status: flags.status.map(statusOf) }) };
    if (Object.keys(named).length === 0 && !flags.all)
      throw usage("jobs create needs a filter; --all means all executions of the workspace on which it can act");
    const body = {
      action: action!,
      filter,
      ...(flags.name !== undefined && { name: flags.name }),
      ...(flags.input !== undefined && { input: await readInput(flags.input, io) }),
      ...(flags.reason !== undefined && { reason: flags.reason }),
      ...(flags.to !== undefined && { to: pointOf(flags.to) }),
      ...(flags["exclude-signals"] && { exclude_signals: true }),
      ...(flags["exclude-updates"] && { exclude_updates: true }),
    };
    const job = await apiOf(flags, io).call("createJob", { body });
    if (flags.json) printJson(io, job);
    else showJob(job, io);
    return EXIT.ok;
  },
});
