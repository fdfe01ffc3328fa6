/** `sirocco jobs abort`. */
import { apiOf } from "../../api.ts";
import { command } from "../../command.ts";
import { EXIT } from "../../errors.ts";
import { printJson } from "../../print.ts";
import { jsonFlag, targetFlags } from "../../target.ts";
import { showJob } from "./view.ts";

export const abort = command({
  name: "jobs abort",
  summary: "stop a job; what it has done stays done",
  positionals: [{ name: "job", help: "id of a job" }],
  flags: { ...targetFlags, ...jsonFlag },
  examples: ["sirocco jobs abort 019b76da-a800-7e43-8acb-9859b5a50162"],
  async run([job_id], flags, io) {
    const job = await apiOf(flags, io).call("abortJob", { params: { job_id: job_id! } });
    if (flags.json) printJson(io, job);
    else showJob(job, io);
    return EXIT.ok;
  },
});
