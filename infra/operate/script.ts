/** Error handling of the scripts for operators. */

/** The script cannot do what the operator asked. The message says why and what to do. */
export class Refused extends Error {
  override readonly name: string = "Refused";
}

/** The message for an expected error, with what to do. Undefined = the error was not expected. */
export function explained(error: unknown): string | undefined {
  const { name, message, code, $fault } = error as Error & { code?: string; $fault?: string };
  if (error instanceof Refused || code?.startsWith("ERR_PARSE_ARGS")) return message;
  if (message === "Region is missing")
    return "No AWS region is set: set AWS_REGION, or AWS_PROFILE to a profile that has one.";
  if (name === "CredentialsProviderError")
    return `No AWS credentials were found (${message}): set AWS_PROFILE, or AWS_ACCESS_KEY_ID and its like.`;
  if ($fault === "client") return `AWS refused: ${name}: ${message}`;
  return undefined;
}

/** Runs a script. An expected error is printed without a stack trace, with exit code 1. */
export async function runScript(script: () => Promise<void>): Promise<void> {
  try {
    await script();
  } catch (error) {
    const words = explained(error);
    if (words === undefined) throw error;
    console.error(words);
    process.exitCode = 1;
  }
}
