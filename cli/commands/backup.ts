/** `sirocco backup`: a copy of the server's data, while it works. */
import { chmod, open, rename, rm, stat } from "node:fs/promises";
import { basename, resolve } from "node:path";
import { apiOf } from "../api.ts";
import { command } from "../command.ts";
import { CliError, EXIT } from "../errors.ts";
import type { Io } from "../io.ts";
import { printJson } from "../print.ts";
import { jsonFlag, targetFlags } from "../target.ts";

export const backup = command({
  name: "backup",
  summary: "copy the data of the server into a file, while it works",
  details: `The file holds everything at one moment: executions, schedules, deployments and
hashed keys of all workspaces. The server goes on with its work; it needs room for
the copy beside its data. The key in use needs the right 'admin'.
\`sirocco restore\` makes a data directory of the file.`,
  positionals: [{ name: "file", help: "where to write the copy" }],
  flags: {
    force: { type: "boolean", short: "f", help: "replace the file if it exists" },
    ...targetFlags,
    ...jsonFlag,
  },
  examples: ["sirocco backup sirocco.backup", "sirocco backup --force /mnt/backups/latest.backup"],
  async run([file], flags, io) {
    const path = resolve(io.cwd, file as string);
    const there = await stat(path).catch(() => null);
    if (there && !there.isFile()) {
      throw new CliError(EXIT.usage, `${file} is a directory or a device, and no file.`, ["Choose another name."]);
    }
    if (there && !flags.force) {
      throw new CliError(EXIT.usage, `${file} exists.`, ["Choose another name, or replace it with --force."]);
    }
    const bytes = await written(path, apiOf(flags, io).download("createBackup"), io);
    if (flags.json) printJson(io, { file: path, bytes });
    else io.out(`${basename(path)} has a copy of the data, ${(bytes / 1e6).toFixed(1)} MB`);
    return EXIT.ok;
  },
});

/** The file appears under its name once all of it is on the disk. Resolves with its length. */
async function written(path: string, chunks: AsyncIterable<Uint8Array>, io: Io): Promise<number> {
  const unfinished = `${path}.unfinished`;
  const parts = chunks[Symbol.asyncIterator]();
  let next = await parts.next(); // before a file is made: the server may not be there, or refuse
  let bytes = 0;
  try {
    const to = await open(unfinished, "w", 0o600).catch((error: Error) => {
      throw new CliError(EXIT.failed, `The copy cannot be written: ${error.message}.`, [], error);
    });
    try {
      await chmod(unfinished, 0o600);
      for (; !next.done; next = await parts.next()) {
        await to.writeFile(next.value);
        bytes += next.value.length;
        io.signal.throwIfAborted();
      }
      await to.sync();
    } finally {
      await to.close();
    }
    await rename(unfinished, path);
    return bytes;
  } catch (error) {
    await parts.return?.();
    await rm(unfinished, { force: true });
    throw error;
  }
}
