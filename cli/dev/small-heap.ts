/**
 * What V8 may take for a server beyond what it has in use.
 *
 * V8 keeps new objects in the young generation, whose two halves it doubles while it finds much in them that is in use. In Node 24 each
 * may reach 64 MB: a server that starts some thousand runs takes them, and keeps them while it works. With 16 MB, as in
 * Node 22, the same work takes as much processor time. Of older objects V8 lets garbage pile up to three times what is in use,
 * and keeps its pages for some time after. A server has some 20 MB in use, which V8 looks through in a few milliseconds.
 */
import { getHeapSpaceStatistics, setFlagsFromString } from "node:v8";
import { knowsFlags } from "./early-optimization.ts";

const HALF_MB = 16;
/** Of what is in use. */
const GARBAGE_PERCENT = 100;
/** V8 doubles the halves once it has copied as much as they hold: at load that takes it longer than this. */
const LOOK_MS = 1_000;

/** For a new thread. V8 counts one of the halves twice. */
export const SMALL_YOUNG_GENERATION = { maxYoungGenerationSizeMb: 3 * HALF_MB };

/**
 * For the main thread, if it is the server's: the flags are those of all threads. Its young generation has its limit from the command
 * line, but V8 reads the factor by which it lets the halves grow at each growth. It makes them small again when the server
 * is idle, and then they must be able to grow: so this looks from time to time.
 */
export function keepHeapSmall(lookMs = LOOK_MS): void {
  if (!knowsFlags() || isGiven()) return;
  setFlagsFromString(`--heap-growing-percent=${GARBAGE_PERCENT}`);
  let grows = true;
  const look = () => {
    const may = halvesMb() < 2 * HALF_MB;
    if (may !== grows) setFlagsFromString(`--semi-space-growth-factor=${may ? 2 : 1}`);
    grows = may;
  };
  setInterval(look, lookMs).unref();
}

/** Whoever started the process has chosen. */
const isGiven = (): boolean =>
  /semi.space|heap.growing/.test(`${process.execArgv.join(" ")} ${process.env.NODE_OPTIONS ?? ""}`);

const halvesMb = (): number =>
  (getHeapSpaceStatistics().find(({ space_name }) => space_name === "new_space")?.space_size ?? 0) / 2 ** 20;
