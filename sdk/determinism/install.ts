/**
 * The sandbox: inside workflow code, globals that differ between runs are made the same, and what cannot be is refused.
 *
 * SANDBOX-1. Globals are replaced once per process, by functions that ask whose code is running. Outside workflow code they do
 *     what they always did; asking costs a few nanoseconds.
 * SANDBOX-2. What is replaced are functions of the platform. Modules of users, process.env and everything else stay as they are.
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
