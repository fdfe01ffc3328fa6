/** `sirocco restore`: makes a data directory of a copy that `sirocco backup` has written. */
import { existsSync } from "node:fs";
import { relative, resolve } from "node:path";
import { command } from "../command.ts";
import { CliError, EXIT } from "../errors.ts";
import { DEFAULT_DATA } from "../target.ts";

export const restore = command({
  name: "restore",
  summary: "make a data directory of a file that `sirocco backup` has written",
  details: `The directory must have no data yet. Then start a server with it: executions go
on as they were at the moment of the backup. Steps that ran since then run again,
under the same idempotency keys. The development key is a new one.`,
  positionals: [{ name: "file", help: "the copy" }],
  flags: {
    data: { type: "string", short: "d", value: "DIR", help: `the data directory (default ./${DEFAULT_DATA})` },
  },
  examples: ["sirocco restore sirocco.backup --data /var/lib/sirocco"],
  async run([file], flags, io) {
    const from = resolve(io.cwd, file as string);
    if (!existsSync(from)) throw new CliError(EXIT.usage, `${file}: there is no such file.`);
    const data = resolve(io.cwd, flags.data ?? DEFAULT_DATA);
    const { DataDir } = await import("../dev/data-dir.ts"); // imported here, so that other commands do not load the engine
    const { checkBackup } = await import("../../shared/embedded/check-backup.ts");
    try {
      checkBackup(from);
    } catch (error) {
      throw new CliError(EXIT.failed, `${file} cannot be restored: ${(error as Error).message}.`, [], error);
    }
    new DataDir(data).restore(from);
    const shown = relative(io.cwd, data) || ".";
    io.out(`${shown} has the data of ${file}`);
    io.err(`start a server with it: sirocco dev --data ${shown}`);
    io.err("its development key is a new one, which workers and clients need; other keys go on");
    return EXIT.ok;
  },
});
