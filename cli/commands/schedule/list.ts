/** `sirocco schedule list`. */
import { MAX_PAGE } from "../../../shared/protocol/limits.ts";
import { type Api, apiOf } from "../../api.ts";
import { command } from "../../command.ts";
import { EXIT, usage } from "../../errors.ts";
import { countOf } from "../../length.ts";
import { moment, paint, printJson, table } from "../../print.ts";
import { jsonFlag, targetFlags } from "../../target.ts";
import { ruleOf, type Schedule, stateOf } from "./view.ts";

const DEFAULT_LIMIT = 50;

export const list = command({
  name: "schedule list",
  summary: "list schedules",
  positionals: [],
  flags: {
    workflow: { type: "string", short: "w", value: "NAME", help: "only schedules of this workflow" },
    status: { type: "string", short: "s", value: "STATUS", help: "only active, or only paused schedules" },
    search: { type: "string", value: "TEXT", help: "only schedules whose id or workflow begins with this" },
    user: {
      type: "string",
      value: "NAME",
      help: "only schedules created with this API key; current = the key of this call",
    },
    limit: { type: "string", short: "n", value: "N", help: `show at most N (default ${DEFAULT_LIMIT})` },
    ...targetFlags,
    ...jsonFlag,
  },
  examples: ["sirocco schedule list", "sirocco schedule list --status paused --workflow report"],
  async run(_, flags, io) {
    const limit = countOf("limit", flags.limit) ?? DEFAULT_LIMIT;
    if (flags.status !== undefined && flags.status !== "active" && flags.status !== "paused") {
      throw usage(`--status is '${flags.status}': a schedule is active or paused.`);
    }
    const query = { workflow_name: flags.workflow, status: flags.status, search: flags.search, user_id: flags.user };
    const { schedules, more } = await pages(apiOf(flags, io), query, limit);
    if (flags.json) printJson(io, { schedules });
    else if (schedules.length === 0) io.err("No schedules match.");
    else {
      const rows = schedules.map((each) => [
        each.schedule_id,
        each.workflow_name,
        stateOf(each),
        each.future_executions[0] ? moment(each.future_executions[0].scheduled_at) : "-",
        ruleOf(each),
      ]);
      table(io, ["schedule", "workflow", "state", "next", "rule"], rows);
    }
    if (more && !flags.json) io.err(paint(io, "dim", `more schedules match: use --limit ${limit * 5}`));
    return EXIT.ok;
  },
});

async function pages(api: Api, query: Record<string, string | undefined>, limit: number) {
  const schedules: Schedule[] = [];
  let token: string | null | undefined;
  do {
    const page_size = Math.min(MAX_PAGE, limit - schedules.length);
    const answer = await api.call("getSchedules", {
      query: { ...query, page_size, next_page_token: token ?? undefined },
    });
    schedules.push(...answer.schedules);
    token = answer.next_page_token;
  } while (token && schedules.length < limit);
  return { schedules, more: Boolean(token) };
}
