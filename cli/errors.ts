/** What ends a command early, and the exit code it ends with. */

export const EXIT = {
  ok: 0,
  /** The server refused, or the execution that was waited for did not complete. */
  failed: 1,
  /** The command line makes no sense. */
  usage: 2,
  /** There was no answer. */
  unreachable: 3,
} as const;
export type Exit = (typeof EXIT)[keyof typeof EXIT];

/** `message` says what happened; `advice`, each a line, what to do about it. */
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
