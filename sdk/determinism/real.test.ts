import { expect, test } from "vitest";
import type { ActivityFrame } from "../runtime/activity.ts";
import { runIn } from "../runtime/frame.ts";
import "./install.ts";
import { rejectionsReported } from "./real.ts";

test("each caller of one tick goes on after its own unawaited rejections were reported, and all go on together", async () => {
  const said: string[] = [];
  const reject = (name: string) => {
    const log = { warn: () => void said.push(`${name} reported`), debug() {}, info() {}, error() {} };
    const frame = { kind: "activity", context: { info: { name } }, host: { log } } as unknown as ActivityFrame;
    runIn(frame, () => void Promise.reject(new Error(name)));
  };
  const call = async (name: string) => {
    reject(name);
    await rejectionsReported();
    said.push(`${name} goes on`);
    queueMicrotask(() => said.push(`what ${name} began`));
  };
  await Promise.all([call("a"), call("b"), Promise.resolve().then(() => call("c"))]);
  expect(said).toEqual([
    ...["a reported", "b reported", "c reported"],
    ...["a goes on", "b goes on", "c goes on"],
    ...["what a began", "what b began", "what c began"],
  ]);
  await call("d");
  expect(said.slice(-3)).toEqual(["d reported", "d goes on", "what d began"]);
});
