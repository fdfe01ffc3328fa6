/**
 * The sandbox: inside workflow code, globals whose results differ between runs are deterministic or refused.
 *
 * SANDBOX-1. `install` replaces globals once per process, by functions that look up whose code is running (`frame.ts`).
 *     Outside workflow code they call the original; the lookup costs a few nanoseconds.
 * SANDBOX-2. Only functions of the platform are replaced. Modules of users, `process.env` and everything else stay as they
 *     are.
 */
import { syncBuiltinESMExports } from "node:module";
import { replaceClock } from "./clock.ts";
import { replaceConsole } from "./console.ts";
import { replaceEntropy } from "./entropy.ts";
import { refuseOutside } from "./outside.ts";
import { catchRejections } from "./rejections.ts";
import { replaceTimers } from "./timers.ts";

let installed = false;

export function install(): void {
  if (installed) return;
  installed = true;
  replaceClock();
  replaceEntropy();
  replaceTimers();
  refuseOutside();
  replaceConsole();
  catchRejections();
  syncBuiltinESMExports();
}
