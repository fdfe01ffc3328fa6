/** `sirocco workflows metrics`. */
import { apiOf } from "../../api.ts";
import { command } from "../../command.ts";
import { EXIT } from "../../errors.ts";
import { lengthOf } from "../../length.ts";
import { fields, printJson, span } from "../../print.ts";
import { jsonFlag, targetFlags } from "../../target.ts";

export const metrics = command({
  name: "workflows metrics",
  summary: "show how many runs of a workflow began and how they ended, with their latencies",
  details: "The server counts runs as they start and close. Times are those of the starts.",
  positionals: [{ name: "workflow", help: "name of a workflow" }],
  flags: {
    since: { type: "string", value: "TIME", help: "only runs started in the last TIME, such as 10m or 2d" },
    ...targetFlags,
    ...jsonFlag,
  },
  examples: ["sirocco workflows metrics invoice_processor", "sirocco workflows metrics invoice_processor --since 1d"],
  async run([workflow_name], flags, io) {
    const sinceMs = lengthOf("since", flags.since);
    const query = sinceMs === undefined ? {} : { start_time: new Date(Date.now() - sinceMs).toISOString() };
    const params = { workflow_name: workflow_name! };
    const found = await apiOf(flags, io).call("getWorkflowMetrics", { params, query });
    if (flags.json) {
      printJson(io, found);
      return EXIT.ok;
    }
    const some = ({ value }: { value: number }) => (value === 0 ? null : String(value));
    const ran = found.success_count.value + found.failed_count.value > 0;
    const latency = ({ value }: { value: number }) => (ran ? span(value) : null);
    fields(io, [
      ["started", `${found.start_time} to ${found.end_time}`],
      ["runs", String(found.execution_count.value)],
      ["open", some(found.open_count)],
      ["completed", some(found.success_count), "good"],
      ["failed", some(found.failed_count), "bad"],
      ["timed out", some(found.timed_out_count), "bad"],
      ["terminated", some(found.terminated_count), "warn"],
      ["canceled", some(found.canceled_count), "warn"],
      ["continued as new", some(found.continued_count)],
      ["reset", some(found.reset_count)],
      ["with retries", found.retry_rate.value === 0 ? null : `${Math.round(found.retry_rate.value * 100)} %`],
      ["latency, average", latency(found.average_latency_ms)],
      ["latency, median", latency(found.p50_latency_ms)],
      ["latency, 95 %", latency(found.p95_latency_ms)],
    ]);
    return EXIT.ok;
  },
});
