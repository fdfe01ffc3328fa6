/** `sirocco tail`: events as they happen. */
import type { StreamEventPayload } from "../../shared/protocol/http/events.ts";
import { apiOf } from "../api.ts";
import { command } from "../command.ts";
import { type CliError, EXIT, usage } from "../errors.ts";
import { eventLine } from "../event-line.ts";
import { type FollowOptions, followExecution, followWorkspace } from "../follow.ts";
import { countOf, lengthOf } from "../length.ts";
import { paint, span, toneOf } from "../print.ts";
import { jsonFlag, targetFlags } from "../target.ts";

export const tail = command({
  name: "tail",
  summary: "follow events as they happen, of one execution or of all",
  details: `With an id: all events of that execution, from its start to its end. Without: events of the whole workspace,
from now on, until Ctrl-C. After a lost connection the command connects again and continues after the last event.`,
  positionals: [{ name: "execution", help: "id of the execution (default: all executions)", optional: true }],
  flags: {
    after: { type: "string", value: "SEQ", help: "begin after the event with this sequence number" },
    since: { type: "string", value: "TIME", help: "without an id: also events of the last TIME, such as 10m" },
    workflow: { type: "string", value: "NAME", help: "without an id: only executions of this workflow" },
    ...targetFlags,
    ...jsonFlag,
  },
  examples: [
    "sirocco tail INV-001",
    "sirocco tail --workflow invoice_processor --since 1h",
    "sirocco tail --after 1042 --json",
  ],
  async run([id], flags, io) {
    if (id !== undefined && (flags.since ?? flags.workflow) !== undefined) {
      throw usage("--since and --workflow select among all executions: they cannot be used with an execution id.");
    }
    const api = apiOf(flags, io);
    const after = countOf("after", flags.after, 0);
    const sinceMs = lengthOf("since", flags.since);
    const options: FollowOptions = {
      after: after ?? 0,
      signal: io.signal,
      onLost: (why: CliError, pauseMs) =>
        io.err(paint(io, "warn", `${why.message} Connecting again in ${span(pauseMs)}.`)),
    };
    const from = after !== undefined && sinceMs === undefined ? 0 : (Date.now() - (sinceMs ?? 0)) * 1000;
    const events =
      id === undefined
        ? later(followWorkspace(api, { workflow_name: flags.workflow }, options), from)
        : followExecution(api, id, options);
    for await (const event of events)
      io.out(flags.json ? JSON.stringify(event) : eventLine(io, event, id === undefined));
    if (id !== undefined && !io.signal.aborted) {
      const { status } = await api.call("getWorkflowExecution", { params: { execution_id: id } });
      if (!flags.json) io.err(`${paint(io, "dim", id)} ${paint(io, toneOf(status), status ?? "closed")}`);
    }
    return EXIT.ok;
  },
});

/** Events at or after `from`, in microseconds since the epoch. */
async function* later(events: AsyncIterable<StreamEventPayload>, from: number): AsyncGenerator<StreamEventPayload> {
  for await (const event of events) if (event.data.event_timestamp >= from) yield event;
}
