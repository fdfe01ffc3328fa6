/** The faults of a world. Probabilities are per occasion; all are 0 once the faults have ended. */
import type { Chance } from "./random.ts";

export interface Faults {
  /** A call in the server dies at a step. */
  callCrash: number;
  /** A worker dies with the call that it made, as if both were on one machine. */
  crashTogether: number;
  /** A worker process dies at a step. */
  workerCrash: number;
  /** A worker process stops for a while, then goes on and does not know that it stopped. */
  workerHang: number;
  /** All calls of the server that are under way die at once (each minute). */
  serverCrash: number;
  /** A worker or sender cannot reach the server for a while (each call). */
  partition: number;
  requestLost: number;
  answerLost: number;
  requestTwice: number;
  /** A step takes seconds to minutes instead of milliseconds. */
  slowStep: number;
  taskLost: number;
  taskTwice: number;
  taskLate: number;
  /** The queue delivers a finished task again. */
  finishLost: number;
  /** The due index lags by up to minutes instead of seconds. */
  staleIndex: number;
  /** The store reads an inbox in two pages, with other events in between. */
  pagedRead: number;
  /** The store has deleted an expired item by the time of a read; else it has not yet. */
  expiryDone: number;
  /** The server that takes a message has another time than the others. */
  clockSkew: number;
  /** The clock of a machine, of a function or a worker, is set by an hour (each call, and each minute of a worker). */
  clockSet: number;
  /** A crash loses a claim that a worker has, and the message for it (each message of a client, and each poll). */
  claimLost: number;
}

export const NONE: Faults = {
  callCrash: 0,
  crashTogether: 0,
  workerCrash: 0,
  workerHang: 0,
  serverCrash: 0,
  partition: 0,
  requestLost: 0,
  answerLost: 0,
  requestTwice: 0,
  slowStep: 0,
  taskLost: 0,
  taskTwice: 0,
  taskLate: 0,
  finishLost: 0,
  staleIndex: 0,
  pagedRead: 0,
  expiryDone: 0,
  clockSkew: 0,
  clockSet: 0,
  claimLost: 0,
};

const LEVELS: Record<Exclude<keyof Faults, "claimLost">, readonly number[]> = {
  callCrash: [0, 0.003, 0.01, 0.04],
  crashTogether: [0, 0.2, 0.8],
  workerCrash: [0, 0.0005, 0.002, 0.01],
  workerHang: [0, 0.0005, 0.002, 0.01],
  serverCrash: [0, 0, 0.1, 0.5],
  partition: [0, 0, 0.003, 0.01],
  requestLost: [0, 0.003, 0.02],
  answerLost: [0, 0.003, 0.02],
  requestTwice: [0, 0.01, 0.1],
  slowStep: [0, 0.003, 0.02, 0.1],
  taskLost: [0, 0.01, 0.1, 0.4],
  taskTwice: [0, 0.02, 0.2, 0.6],
  taskLate: [0, 0.02, 0.2],
  finishLost: [0, 0.01, 0.1],
  staleIndex: [0, 0.1, 0.5],
  pagedRead: [0, 0.1, 0.5],
  expiryDone: [0, 0.1, 1],
  clockSkew: [0, 0.1, 0.5],
  clockSet: [0, 0, 0.01, 0.2],
};

const CLAIM_LOST = [0, 0, 0.1, 0.4];

/** Draws each kind on its own, so that different seeds combine different faults. `apart`: the seeds without lost claims stay what they are. */
export function drawFaults(chance: Chance, apart: Chance): Faults {
  const drawn = { ...NONE };
  for (const kind of Object.keys(LEVELS) as (keyof typeof LEVELS)[]) drawn[kind] = chance.oneOf(LEVELS[kind]);
  drawn.claimLost = apart.oneOf(CLAIM_LOST);
  return drawn;
}

export const describeFaults = (f: Faults): string =>
  Object.entries(f)
    .filter(([, p]) => p > 0)
    .map(([kind, p]) => `${kind}=${p}`)
    .join(" ") || "none";
