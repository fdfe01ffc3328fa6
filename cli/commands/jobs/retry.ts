/** `sirocco jobs retry`. */
import { apiOf } from "../../api.ts";
import { command } from "../../command.ts";
import { EXIT } from "../../errors.ts";
import { printJson } from "../../print.ts";
import { jsonFlag, targetFlags } from "../../target.ts";
import { showJob } from "./view.ts";

export const retry = command({
  name: "jobs retry",
  summary: "make a job that acts on the executions at which another one failed",
  positionals: [{ name: "job", help: "id of a job that has ended" }],
  flags: { ...targetFlags, ...jsonFlag },
  examples: ["sirocco jobs retry 019b76da-a800-7e43-8acb-9859b5a50162"],
  async run([job_id], flags, io) {
    const api = apiOf(flags, io);
    const { action, filter } = await api.call("getJob", { params: { job_id: job_id! } });
    const job = await api.call("createJob", { body: { action, filter, repeats: job_id! } });
    if (flags.json) printJson(io, job);
    else showJob(job, io);
    return EXIT.ok;
  },
});
