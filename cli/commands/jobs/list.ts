/** `sirocco jobs list`. */
import { apiOf } from "../../api.ts";
import { command } from "../../command.ts";
import { EXIT } from "../../errors.ts";
import { moment, printJson, table } from "../../print.ts";
import { jsonFlag, targetFlags } from "../../target.ts";
import { progressOf } from "./view.ts";

export const list = command({
  name: "jobs list",
  summary: "list the latest jobs",
  positionals: [],
  flags: { ...targetFlags, ...jsonFlag },
  examples: ["sirocco jobs list"],
  async run(_, flags, io) {
    const { jobs } = await apiOf(flags, io).call("listJobs", { query: { limit: 50 } });
    if (flags.json) printJson(io, { jobs });
    else if (jobs.length === 0) io.err("There are no jobs.");
    else {
      const rows = jobs.map((job) => [job.job_id, job.action, job.status, progressOf(job), moment(job.created_at)]);
      table(io, ["job", "action", "status", "done", "created"], rows);
    }
    return EXIT.ok;
  },
});
