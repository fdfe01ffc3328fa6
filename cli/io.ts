/** What a command sees of the world, so that commands can be run inside a test as well. */
import { text } from "node:stream/consumers";

export interface Io {
  /** Standard output: what was asked for. One line, without its end. */
  out(line: string): void;
  /** Standard error: everything that is said beside it. */
  err(line: string): void;
  /** All of standard input. */
  stdin(): Promise<string>;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Relative paths start here. */
  readonly cwd: string;
  readonly color: boolean;
  /** Width to which lines are cut; null = not at all. */
  readonly columns: number | null;
  /** Aborted when the user wants to stop (SIGINT, SIGTERM). */
  readonly signal: AbortSignal;
}

/** The real one. A second Ctrl-C ends the process at once. */
export function processIo(): Io {
  const stop = new AbortController();
  const ask = () => {
    if (stop.signal.aborted) process.exit(130);
    stop.abort();
  };
  process.on("SIGINT", ask);
  process.on("SIGTERM", ask);
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(0); // the reader, such as `head`, has seen enough
    throw error;
  });
  const { isTTY } = process.stdout;
  return {
    out: (line) => process.stdout.write(`${line}\n`),
    err: (line) => process.stderr.write(`${line}\n`),
    stdin: () => text(process.stdin),
    env: process.env,
    cwd: process.cwd(),
    color: isTTY === true && process.stdout.hasColors(),
    columns: isTTY ? process.stdout.columns : Number(process.env.COLUMNS) || null,
    signal: stop.signal,
  };
}
