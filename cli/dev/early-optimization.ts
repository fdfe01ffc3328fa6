/**
 * V8 interprets a function at first. It compiles one after some hundred calls, and not before some hundred more if it has met a new type
 * of value. Code that serves a request consists of many functions that run once, so the first thousand requests would run in good
 * part in the interpreter. With these numbers they do not: the first 300 runs of a new server take about 0.8 of the time, and
 * later ones as long as before.
 */
import { setFlagsFromString } from "node:v8";

const CALLS = 60;
const FLAGS = [
  /** Default: 400. */
  `--invocation-count-for-maglev=${CALLS}`,
  /** Default: 500. */
  `--minimum-invocations-after-ic-update=${CALLS}`,
];
/** Lines of Node whose V8 knows the flags. Another might write an error to the terminal. */
const LINES = ["22", "24"];

/** For the whole process. To be called once it has loaded its modules: Node starts modules and threads of its own more slowly with the flags. */
export function optimizeEarly(): void {
  const [line = ""] = process.versions.node.split(".");
  if (LINES.includes(line)) for (const flag of FLAGS) setFlagsFromString(flag);
}
