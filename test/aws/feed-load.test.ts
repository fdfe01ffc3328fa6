/** The feed under load, over tables in memory with counted units: what a reader and the writer cost as the feed grows. */
import { expect, test } from "vitest";
import type { RequestContext } from "../../shared/api/request-context.ts";
import { streamExecution } from "../../shared/api/streams.ts";
import type { NewEvent } from "../../shared/protocol/history.ts";
import { ManualClock } from "../contract/manual-clock.ts";
import { batchOf, begun, bench, newRef } from "../contract/subject.ts";
import { memoryAws } from "../support/memory-aws.ts";

const done = (activity: number): NewEvent => ({ kind: "activity_completed", activity, name: "charge", result: null });

test("the stream of a quiet execution costs the same in the tenth minute beside busy ones as in the first", async () => {
  const clock = new ManualClock();
  const writer = memoryAws({ clock });
  const reader = writer.another();
  const b = bench({ ports: writer.ports, pass: (ms) => clock.advance(ms) });
  const quiet = await begun(b);
  const busy = await begun(b, newRef(quiet.workspace));
  const feed = async (ref: typeof quiet, only: (sk: string) => boolean = () => true) => {
    const changes = writer.changesOf(ref).filter(({ image }) => only(image.sk!.S!));
    expect(await writer.ports.feedChanges(changes)).toEqual([]);
  };
  await feed(quiet);
  await feed(busy);
  const gone = new AbortController();
  const context = { ports: reader.ports, workspace: quiet.workspace, signal: gone.signal } as unknown as RequestContext;
  const frames = (await streamExecution(context, quiet.execution, undefined)) as AsyncIterable<unknown>;
  const seen: unknown[] = [];
  const streaming = (async () => {
    for await (const frame of frames) seen.push(frame);
  })();
  const minutes: number[] = [];
  let next = 2;
  for (let minute = 0; minute < 10; minute++) {
    reader.clients.meter.take();
    for (let second = 0; second < 60; second++) {
      const { kind } = await writer.ports.executions.putBatch(
        busy,
        busy.run,
        batchOf(
          next,
          clock.now(),
          Array.from({ length: 20 }, (_, i) => done(next + i)),
        ),
        1e9,
      );
      expect(kind).toBe("written");
      const sk = String(next).padStart(8, "0");
      await feed(busy, (key) => key.endsWith(sk));
      next += 20;
      await clock.advance(1_000);
    }
    minutes.push(reader.clients.meter.take().readUnits);
  }
  gone.abort();
  await clock.advance(2_000);
  await streaming;
  expect(seen.filter((frame) => (frame as { kind?: string }).kind !== "keep-alive")).toHaveLength(1);
  expect(minutes.at(-1)).toBeLessThanOrEqual(1.2 * minutes[1]!);
});
