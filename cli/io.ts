/** The input and output of a command. Tests replace it to run commands inside their own process. */
import { text } from "node:stream/consumers";

export interface Io {
  /** Prints the result: one line to standard output, without its line end. */
  out(line: string): void;
  /** Prints errors, hints and progress: one line to standard error. */
  err(line: string): void;
  /** All of standard input. */
  stdin(): Promise<string>;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Base of relative paths. */
  readonly cwd: string;
  readonly color: boolean;
  /** Whether a person reads standard output. */
  readonly terminal: boolean;
  /** Lines are cut to this width; null = they are not cut. */
  readonly columns: number | null;
  /** Aborted by SIGINT and SIGTERM. */
  readonly signal: AbortSignal;
}

/** The input and output of this process. A second Ctrl-C ends it at once. */
export function processIo(): Io {
  const stop = new AbortController();
  const interrupt = () => {
    if (stop.signal.aborted) process.exit(130);
    stop.abort();
  };
  process.on("SIGINT", interrupt);
  process.on("SIGTERM", interrupt);
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(0); // the reader, such as `head`, has closed the pipe
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
    terminal: isTTY === true,
    columns: isTTY ? process.stdout.columns : Number(process.env.COLUMNS) || null,
    signal: stop.signal,
  };
}
