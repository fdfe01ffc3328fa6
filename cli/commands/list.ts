/** `sirocco list`: the runs of the workspace, latest first. */

import type { WorkflowExecutionWithoutResult } from "../../shared/protocol/http/executions.ts";
import { type Api, apiOf } from "../api.ts";
import { command } from "../command.ts";
import { EXIT } from "../errors.ts";
import { executionTable } from "../executions.ts";
import type { Io } from "../io.ts";
import { countOf, lengthOf } from "../length.ts";
import { paint, printJson, table } from "../print.ts";
import { statusOf } from "../status.ts";
import { jsonFlag, targetFlags } from "../target.ts";

const DEFAULT_LIMIT = 20;
const MAX_PAGE = 1000;

export const list = command({
  name: "list",
  summary: "list executions, latest first",
  details: "An execution that continued as new has a line for each of its runs.",
  positionals: [],
  flags: {
    status: {
      type: "string",
      multiple: true,
      value: "STATUS",
      help: "only this status: running, completed, failed, canceled, terminated, timed_out …",
    },
    workflow: { type: "string", value: "NAME", help: "only executions of this workflow" },
    deployment: { type: "string", value: "NAME", help: "only executions of this deployment" },
    search: { type: "string", value: "TEXT", help: "only executions whose id or workflow contains this" },
    "search-key": {
      type: "string",
      multiple: true,
      value: "KEY:VALUE",
      help: "only executions whose search key has this value; KEY^=TEXT: that begins with TEXT",
    },
    since: { type: "string", value: "TIME", help: "only executions started in the last TIME, such as 10m or 2d" },
    limit: { type: "string", short: "n", value: "N", help: `show at most N (default ${DEFAULT_LIMIT})` },
    count: { type: "boolean", help: "show how many executions have each status instead, each counted up to 1,000" },
    ...targetFlags,
    ...jsonFlag,
  },
  examples: [
    "sirocco list",
    "sirocco list --status failed --since 1d",
    "sirocco list --workflow invoice_processor --json",
  ],
  async run(_, flags, io) {
    const limit = countOf("limit", flags.limit) ?? DEFAULT_LIMIT;
    const sinceMs = lengthOf("since", flags.since);
    const query = {
      status: flags.status.map(statusOf),
      workflow_identifier: flags.workflow,
      deployment_name: flags.deployment,
      search: flags.search,
      search_key: flags["search-key"],
      ...(sinceMs !== undefined && { start_time_after: new Date(Date.now() - sinceMs).toISOString() }),
    };
    if (flags.count) return showCounts(apiOf(flags, io), query, flags.json, io);
    const { executions, more } = await pages(apiOf(flags, io), query, limit);
    if (flags.json) printJson(io, { executions });
    else if (executions.length === 0) io.err("No executions match.");
    else executionTable(io, executions);
    if (more && !flags.json) io.err(paint(io, "dim", `more executions match: use --limit ${limit * 5}`));
    return EXIT.ok;
  },
});

type Query = Record<string, string | readonly string[] | undefined>;

async function showCounts(api: Api, query: Query, json: boolean, io: Io) {
  const { counts } = await api.call("countRuns", { query });
  if (json) printJson(io, { counts });
  else {
    const some = counts.filter(({ count }) => count > 0);
    if (some.length === 0) io.err("No executions match.");
    else {
      table(
        io,
        ["status", "executions"],
        some.map(({ status, count, more }) => [{ text: status }, { text: `${count}${more ? "+" : ""}`, right: true }]),
      );
    }
  }
  return EXIT.ok;
}

export async function pages(api: Api, query: Query, limit: number) {
  const executions: WorkflowExecutionWithoutResult[] = [];
  let token: string | null | undefined;
  do {
    const page_size = Math.min(MAX_PAGE, limit - executions.length);
    const answer = await api.call("listRuns", { query: { ...query, page_size, next_page_token: token ?? undefined } });
    executions.push(...answer.executions);
    token = answer.next_page_token;
  } while (token && executions.length < limit);
  return { executions, more: Boolean(token) };
}
