/**
 * The sandbox: inside workflow code, globals whose results differ between runs are deterministic or refused.
 *
 * SANDBOX-1. This module replaces functions of the platform when it is imported, once per process, by functions that look
 *     up whose code is running (`frame.ts`). Outside workflow code they call the original; the lookup costs a few
 *     nanoseconds. The entries of the SDK import it first, so that a library that takes a function of the platform when it
 *     is loaded takes the replaced one, if the program imports the SDK before that library.
 * SANDBOX-2. Only functions of the platform are replaced. Modules of users, `process.env` and everything else stay as they
 *     are.
 */
import "./real.ts";
import { syncBuiltinESMExports } from "node:module";
import { replaceClock } from "./clock.ts";
import { replaceConsole } from "./console.ts";
import { replaceEntropy } from "./entropy.ts";
import { refuseOutside } from "./outside.ts";
import { catchRejections } from "./rejections.ts";
import { replaceTimers } from "./timers.ts";

replaceClock();
replaceEntropy();
replaceTimers();
refuseOutside();
replaceConsole();
catchRejections();
syncBuiltinESMExports();
