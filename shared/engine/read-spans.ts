/** Reads the log of a run and derives its spans (TRACE-1), in parts between which other requests are served. */
import type { Digest } from "../core/trace/context.ts";
import { addSpans, type Spans, spansOf } from "../core/trace/spans.ts";
import type { Ports } from "../ports.ts";
import type { Head } from "../protocol/head.ts";
import type { Millis } from "../protocol/history.ts";

const PAGE = { events: 2_000, bytes: 256 * 1024 };
const EVENTS_AT_ONCE = 500;

/** At most so many spans and events, and a read that ends after so long: an attribute of the run's span says what is left out. */
export async function readSpans(
  { executions, clock, pause }: Pick<Ports, "executions" | "clock" | "pause">,
  head: Head,
  digest: Digest,
  o: { most: number; forMs: Millis },
): Promise<Spans> {
  const until = clock.now() + o.forMs;
  const spans = spansOf(head, digest, o.most);
  for (let from = 2; ; ) {
    const batches = await executions.part(head, head.run, { from, order: "asc", ...PAGE });
    const last = batches.at(-1);
    if (!last) break;
    for (const { events } of batches) {
      for (let i = 0; i < events.length; i += EVENTS_AT_ONCE) {
        addSpans(spans, events.slice(i, i + EVENTS_AT_ONCE));
        await pause?.();
      }
    }
    from = last.first + last.events.length;
    if (clock.now() < until) continue;
    spans.run.attributes["sirocco.read_through_event"] = from - 1;
    break;
  }
  if (spans.dropped > 0) spans.run.attributes["sirocco.dropped"] = spans.dropped;
  return spans;
}
