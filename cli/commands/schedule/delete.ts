/** `sirocco schedule delete`. */
import { apiOf } from "../../api.ts";
import { command } from "../../command.ts";
import { EXIT } from "../../errors.ts";
import { targetFlags } from "../../target.ts";

export const remove = command({
  name: "schedule delete",
  summary: "delete schedules; running executions continue, waiting runs are dropped",
  positionals: [{ name: "schedule", help: "ids of schedules", many: true }],
  flags: { ...targetFlags },
  examples: ["sirocco schedule delete nightly"],
  async run(ids, flags, io) {
    const api = apiOf(flags, io);
    for (const schedule_id of ids) {
      await api.call("unscheduleWorkflow", { params: { schedule_id } });
      io.out(`${schedule_id} deleted`);
    }
    return EXIT.ok;
  },
});
