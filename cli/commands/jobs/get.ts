/** `sirocco jobs get`. */
import type { ResponseOf } from "../../../shared/protocol/routes.ts";
import { apiOf } from "../../api.ts";
import { command } from "../../command.ts";
import { EXIT } from "../../errors.ts";
import { printJson, table } from "../../print.ts";
import { jsonFlag, targetFlags } from "../../target.ts";
import { showJob } from "./view.ts";

export const get = command({
  name: "jobs get",
  summary: "show the progress of a job, and the executions on which it did not act",
  positionals: [{ name: "job", help: "id of a job" }],
  flags: {
    outcomes: { type: "boolean", help: "list all executions, not only those skipped or failed" },
    ...targetFlags,
    ...jsonFlag,
  },
  examples: ["sirocco jobs get 019b76da-a800-7e43-8acb-9859b5a50162"],
  async run([job_id], flags, io) {
    const api = apiOf(flags, io);
    const params = { job_id: job_id! };
    const job = await api.call("getJob", { params });
    const outcomes: ResponseOf<"getJobOutcomes">["outcomes"] = [];
    let cursor: string | null = null;
    do {
      const page: ResponseOf<"getJobOutcomes"> = await api.call("getJobOutcomes", {
        params,
        query: { cursor: cursor ?? undefined },
      });
      outcomes.push(...page.outcomes.filter((each) => flags.outcomes || each.outcome !== "succeeded"));
      cursor = page.next_cursor;
    } while (cursor);
    if (flags.json) printJson(io, { ...job, outcomes });
    else {
      showJob(job, io);
      const rows = outcomes.map((each) => [each.execution_id, each.outcome, each.detail ?? ""]);
      if (rows.length > 0) table(io, ["execution", "outcome", ""], rows);
    }
    return job.failed > 0 || job.status === "FAILED" ? EXIT.failed : EXIT.ok;
  },
});
