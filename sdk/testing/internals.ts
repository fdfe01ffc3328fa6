import type { EncodingOptions } from "../../shared/encoding/options.ts";
import type { Ports, Settings } from "../../shared/ports.ts";
import type { Millis } from "../../shared/protocol/history.ts";
import type { ReplayFlag } from "../runtime/flags.ts";
import type { WorkerLimits } from "../worker/room.ts";
import type { Transport } from "../worker/transport.ts";
import type { AbortAtShutdown } from "../worker/types.ts";
import type { Worker } from "../worker/worker.ts";

/** Hooks for the tests of the worker itself: not for users. */
export interface Internals {
  readonly settings?: Partial<Settings>;
  readonly limits?: Partial<WorkerLimits>;
  /** Called with the engine before the workers start. */
  readonly engine?: (engine: Ports) => void;
  /** Wraps the transport between a worker and the engine; `n` counts the workers from 1. */
  readonly wire?: (inner: Transport, n: number) => Transport;
  /** The clock of each worker is ahead of the engine's by this, ms. */
  readonly skewMs?: Millis;
  /** Whether worker `n` has the activity; default: it has all. */
  readonly runs?: (activity: string, n: number) => boolean;
  /** The replay flags that the SDK of worker `n` knows; default: those of the present SDK. */
  readonly flags?: (n: number) => readonly ReplayFlag[];
  /** The encoding of worker `n`; default: that of the environment. */
  readonly encoding?: (n: number) => EncodingOptions;
  readonly abortAtShutdown?: AbortAtShutdown;
  /** Called with each worker that has started. */
  readonly worker?: (worker: Worker) => void;
}
