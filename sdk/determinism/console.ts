/**
 * Workflow code prints each line once: a replay prints nothing. What `console` remembers between calls (groups, counts,
 * timers) belongs to the run, so that neither other code nor a replay sees it.
 */
import { format } from "node:util";
import { currentFrame, runOutside } from "../runtime/frame.ts";
import type { Log } from "../runtime/log.ts";
import type { WorkflowOps } from "../runtime/ops.ts";
import { type AnyFunction, replace } from "./replace.ts";

interface Memory {
  groups: number;
  readonly counts: Map<string, number>;
  readonly timers: Map<string, number>;
}
const memories = new WeakMap<WorkflowOps, Memory>();

function memoryOf(ops: WorkflowOps): Memory {
  let memory = memories.get(ops);
  if (!memory) {
    memory = { groups: 0, counts: new Map(), timers: new Map() };
    memories.set(ops, memory);
  }
  return memory;
}

const real = {} as Record<string, AnyFunction>;
const METHODS = ["assert", "debug", "dir", "dirxml", "error", "info", "log", "table", "trace", "warn"];

/** Prints a line of workflow code, unless it is a replay. */
function print(ops: WorkflowOps, method: string, args: unknown[]): void {
  if (ops.replaying) return;
  const { groups } = memoryOf(ops);
  runOutside(() => {
    for (let i = 0; i < groups; i++) real.group!.call(console);
    try {
      real[method]!.apply(console, args);
    } finally {
      for (let i = 0; i < groups; i++) real.groupEnd!.call(console);
    }
  });
  const [holds, ...rest] = args;
  if (method !== "assert") ops.printed(LEVELS[method] ?? "info", () => formatted(args));
  else if (!holds) ops.printed("error", () => formatted(["Assertion failed:", ...rest]));
}

const LEVELS: Record<string, keyof Log> = { debug: "debug", error: "error", trace: "debug", warn: "warn" };

function formatted(args: unknown[]): string {
  try {
    return format(...args);
  } catch {
    return "a line that cannot be shown";
  }
}

type Act = (ops: WorkflowOps, ...args: unknown[]) => void;
const label = (given: unknown): string => (given === undefined ? "default" : String(given));

const group: Act = (ops, ...args) => {
  if (args.length > 0) print(ops, "log", args);
  memoryOf(ops).groups += 1;
};

function elapsed(ops: WorkflowOps, name: string, ...more: unknown[]): void {
  const since = memoryOf(ops).timers.get(name);
  if (since !== undefined) print(ops, "log", [`${name}: ${ops.time - since}ms`, ...more]);
}

const STATEFUL: Record<string, Act> = {
  group,
  groupCollapsed: group,
  groupEnd: (ops) => {
    const memory = memoryOf(ops);
    memory.groups = Math.max(0, memory.groups - 1);
  },
  count: (ops, given) => {
    const { counts } = memoryOf(ops);
    const name = label(given);
    counts.set(name, (counts.get(name) ?? 0) + 1);
    print(ops, "log", [`${name}: ${counts.get(name)}`]);
  },
  countReset: (ops, given) => void memoryOf(ops).counts.delete(label(given)),
  time: (ops, given) => void memoryOf(ops).timers.set(label(given), ops.time),
  timeLog: (ops, given, ...more) => elapsed(ops, label(given), ...more),
  timeEnd: (ops, given) => {
    elapsed(ops, label(given));
    memoryOf(ops).timers.delete(label(given));
  },
  clear: () => {},
  profile: () => {},
  profileEnd: () => {},
  timeStamp: () => {},
};

export function replaceConsole(): void {
  const inWorkflow = (method: string, act: Act) =>
    replace(console, method, (own) => {
      real[method] = own;
      return function print(...args: unknown[]) {
        const frame = currentFrame();
        if (frame?.kind !== "workflow") return own.apply(this, args);
        act(frame.ops, ...args);
      };
    });
  for (const method of METHODS) inWorkflow(method, (ops, ...args) => print(ops, method, args));
  for (const [method, act] of Object.entries(STATEFUL)) inWorkflow(method, act);
  for (const stream of [process.stdout, process.stderr]) printOnce(stream);
}

/** A line that a library writes past `console`. */
function printOnce(stream: NodeJS.WriteStream): void {
  const own = stream.write;
  Object.defineProperty(stream, "write", { value: own, writable: true, configurable: true, enumerable: false });
  replace(
    stream,
    "write",
    (write) =>
      function (...args: unknown[]) {
        const frame = currentFrame();
        if (frame?.kind !== "workflow") return write.apply(this, args);
        if (!frame.ops.replaying) runOutside(() => write.apply(this, args));
        return true;
      },
  );
}
