/**
 * Adds a group of log records after the last one of its execution. One write, conditional on the place being free
 * (LOGRECORD-1): the loser of a place reads the last group again. A crash leaves the group whole or not at all, and the worker
 * repeats its call (LOGRECORD-3).
 */
import type { Ports } from "../ports.ts";
import type { Head } from "../protocol/head.ts";
import type { Millis } from "../protocol/history.ts";
import { placeOf, type SentGroup } from "../protocol/log-records.ts";

/** Answers whether the run is full (LOGRECORD-2). `of`: the head of the run. */
export async function addLogRecords(
  ports: Ports,
  of: Head,
  from: { worker: string; trace: string },
  sent: SentGroup,
): Promise<boolean> {
  const { execution, run, chain, root, workflow, deployment } = of;
  for (;;) {
    const at = ports.clock.now();
    const ids = { execution, run, chain, root, workflow, deployment, ...from, at };
    const place = placeOf(await ports.logRecords.last(of), ids, sent);
    if (place.kind === "repeated") return place.full;
    if (place.kind === "full") {
      if (place.dropped > 0) await ports.logRecords.addDropped(of, place.first, place.dropped);
      return true;
    }
    const { group } = place;
    if (await ports.logRecords.put(of, group, keptUntil(ports, of, at))) {
      return group.tail.runs.some((kept) => kept.run === run && kept.full !== null);
    }
  }
}

/** One retention after the end of the run, as far as that is known. */
function keptUntil(ports: Ports, { closed_at, deadline }: Head, now: Millis): Millis {
  return (closed_at ?? Math.max(now, deadline ?? now)) + ports.settings.retentionMs;
}
