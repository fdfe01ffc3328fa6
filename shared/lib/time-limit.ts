/** A time limit on synchronous code, regular expressions included: V8 interrupts these only for a script with a timeout. */
import { type Context, createContext, Script } from "node:vm";
import type { Millis } from "../protocol/history.ts";

let prepared: { script: Script; context: Context } | undefined;

/** The result, or `late` after `ms` of the wall clock. Takes a quarter of a millisecond, for the thread that watches. */
export function withinTime<T>(ms: Millis, run: () => T): { value: T } | "late" {
  prepared ??= { script: new Script("value = run()"), context: createContext({}) };
  const { script, context } = prepared;
  try {
    context.run = run;
    script.runInContext(context, { timeout: ms });
    return { value: context.value as T };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ERR_SCRIPT_EXECUTION_TIMEOUT") return "late";
    throw error;
  } finally {
    context.run = context.value = undefined;
  }
}
