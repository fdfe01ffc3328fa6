/** The error that ends a command, and the exit codes. */

export const EXIT = {
  ok: 0,
  /** The server refused the call, or the execution did not complete. */
  failed: 1,
  /** The command line is wrong. */
  usage: 2,
  /** The server was not reached. */
  unreachable: 3,
} as const;
export type Exit = (typeof EXIT)[keyof typeof EXIT];

/** `message` says what happened; each line of `advice` says what to do. */
export class CliError extends Error {
  readonly exit: Exit;
  readonly advice: readonly string[];

  constructor(exit: Exit, message: string, advice: readonly string[] = [], cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = "CliError";
    this.exit = exit;
    this.advice = advice;
  }
}

export const usage = (message: string, ...advice: string[]) => new CliError(EXIT.usage, message, advice);
