import { type SpawnOptions, spawn } from "node:child_process";

export class CommandFailed extends Error {
  override readonly name = "CommandFailed";
}

/**
 * Runs a command to its end. Answers its stdout.
 * @throws {CommandFailed} with the command, its exit code or signal, and the last lines of its output.
 */
export async function run(command: string, args: string[], options: SpawnOptions = {}): Promise<string> {
  const child = spawn(command, args, { ...options, stdio: ["ignore", "pipe", "pipe"] });
  const stdout: Buffer[] = [];
  const all: Buffer[] = [];
  child.stdout!.on("data", (chunk: Buffer) => {
    stdout.push(chunk);
    all.push(chunk);
  });
  child.stderr!.on("data", (chunk: Buffer) => all.push(chunk));
  const ending = await new Promise<string>((resolve) => {
    child.once("error", (error) => resolve(error.message));
    child.once("close", (code, signal) => resolve(code === 0 ? "" : signal ? `signal ${signal}` : `exit code ${code}`));
  });
  if (ending) {
    const tail = Buffer.concat(all).toString().trimEnd().split("\n").slice(-40).join("\n");
    throw new CommandFailed(`${[command, ...args].join(" ")}: ${ending}\n${tail}`.trimEnd());
  }
  return Buffer.concat(stdout).toString();
}
