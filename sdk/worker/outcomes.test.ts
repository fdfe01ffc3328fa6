/** A worker records outcomes of local activities that come together in as many calls as they need. */
import { expect, test } from "vitest";
import * as z from "zod";
import { activity, workflow } from "../index.ts";
import { environment } from "../testing/environment.ts";

const PICTURE = 2_080_000;

test("results of 24 MB that come at once are each recorded once, though a call may have only 16 MB", async () => {
  let release = () => {};
  const together = new Promise<void>((ok) => {
    release = ok;
  });
  let begun = 0;
  const draw = activity({ name: "draw", input: z.object({ n: z.number() }) }, async ({ n }) => {
    begun += 1;
    if (begun === 12) release();
    await together;
    return { n, picture: "x".repeat(PICTURE) };
  });
  const album = workflow({ name: "album", timeout: null }, async () => {
    const drawn = await Promise.all(Array.from({ length: 12 }, (_, n) => draw({ n })));
    return { drawn: drawn.map(({ n }) => n), cover: drawn[0]!.picture };
  });
  await using env = await environment({ workflows: [album], activities: [draw] });
  const run = await env.start(album, {});
  const result = (await run.result()) as { drawn: number[]; cover: string };
  expect(result.drawn).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
  expect(result.cover).toHaveLength(PICTURE);
  const history = await run.history();
  const recorded = history.flatMap((e) => (e.kind === "activity_completed" ? [e.activity] : []));
  expect(recorded.toSorted((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
  expect(history.some((e) => e.kind === "execution_failed")).toBe(false);
});
