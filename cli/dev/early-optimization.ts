/**
 * V8 interprets a function at first. It optimizes one after some hundred calls, and not before some hundred more if it has met a new type
 * of value. To serve a request, the server calls many functions once each, so V8 would interpret a good part of them for the first
 * thousand requests. With these numbers the first 300 runs of a new server take about 0.8 of the time, and later ones as
 * long as before.
 */
import { setFlagsFromString } from "node:v8";

const CALLS = 60;
const FLAGS = [
  /** Default: 400. */
  `--invocation-count-for-maglev=${CALLS}`,
  /** Default: 500. */
  `--minimum-invocations-after-ic-update=${CALLS}`,
];
/** Lines of Node whose V8 knows the flags of the server. Another might write an error to the terminal. */
const LINES = ["22", "24"];
export const knowsFlags = (): boolean => LINES.includes(process.versions.node.split(".")[0]!);

/**
 * For all threads of the process. To be called once the server has loaded its modules: with other flags than its own, Node takes some
 * 40 ms longer to load its built-in ones, and to start a thread.
 */
export function optimizeEarly(): void {
  if (knowsFlags()) for (const flag of FLAGS) setFlagsFromString(flag);
}
