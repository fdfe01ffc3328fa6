/** `sirocco trace`: where the time of an execution went. */
import type { ResponseOf } from "../../shared/protocol/routes.ts";
import { apiOf } from "../api.ts";
import { command } from "../command.ts";
import { EXIT } from "../errors.ts";
import type { Io } from "../io.ts";
import { paint, printJson, span, type Tone, table } from "../print.ts";
import { jsonFlag, targetFlags } from "../target.ts";

type Summary = ResponseOf<"getWorkflowExecutionTraceSummary">;
type Span = NonNullable<Summary["span_tree"]>;

export const trace = command({
  name: "trace",
  summary: "show where the time of an execution went, span by span",
  details: "The server derives the spans from the history; with --json they come in OpenTelemetry's form.",
  positionals: [{ name: "execution", help: "id of the execution" }],
  flags: { ...targetFlags, ...jsonFlag },
  examples: ["sirocco trace INV-001", "sirocco trace INV-001 --json | jq .otel_trace_data > trace.json"],
  async run([id], flags, io) {
    const api = apiOf(flags, io);
    const call = { params: { execution_id: id! } };
    if (flags.json) printJson(io, await api.call("getWorkflowExecutionTraceOtel", call));
    else {
      const { otel_trace_id } = await api.call("getWorkflowExecutionTraceInfo", call);
      const { span_tree } = await api.call("getWorkflowExecutionTraceSummary", call);
      if (span_tree) show(io, otel_trace_id, span_tree);
    }
    return EXIT.ok;
  },
});

const MICROS_PER_MS = 1000;

function show(io: Io, trace: string | null, run: Span): void {
  io.out(paint(io, "dim", `trace ${trace}`));
  const dropped = run.attributes["sirocco.dropped"];
  table(
    io,
    ["start", "took", "kind", "span"],
    [run, ...run.children].map((each) => row(run, each)),
  );
  if (dropped !== undefined) io.out(paint(io, "dim", `${dropped} further spans and events are not shown`));
}

function row(run: Span, { attributes, name, ...times }: Span) {
  const start = (times.start_time_unix_nano - run.start_time_unix_nano) / MICROS_PER_MS;
  const open = times.end_time_unix_nano === null;
  const took = open ? "open" : span((times.end_time_unix_nano! - times.start_time_unix_nano) / MICROS_PER_MS);
  const error = attributes["error.message"];
  const attempt = Number(attributes["sirocco.attempt"] ?? 1);
  const text = `${name}${attempt > 1 ? ` (attempt ${attempt})` : ""}${error === undefined ? "" : `: ${error}`}`;
  const tone: Tone = open ? "busy" : error === undefined ? "plain" : "bad";
  return [
    { text: `+${(start / 1000).toFixed(3)}`, right: true as const },
    { text: took, right: true as const },
    { text: String(attributes["sirocco.kind"]) },
    { text, tone },
  ];
}
