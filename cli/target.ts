/** The server that the commands call, and the API key for it. */
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { CliError, EXIT, usage } from "./errors.ts";
import type { Io } from "./io.ts";

export const DEFAULT_PORT = 7411;
/** Default data directory of `sirocco dev`, below the working directory. */
export const DEFAULT_DATA = ".sirocco";

export interface Target {
  /** Without a slash at the end. */
  readonly url: string;
  readonly key: string;
  /** Where the two come from, for `doctor` and for errors. */
  readonly from: { readonly url: string; readonly key: string };
}

/** The flags of every command that calls a server. */
export const targetFlags = {
  url: {
    type: "string",
    value: "URL",
    help: `address of the server (SIROCCO_URL; default http://127.0.0.1:${DEFAULT_PORT})`,
  },
  key: {
    type: "string",
    value: "KEY",
    help: "API key (SIROCCO_API_KEY; default: the key of the server in ./.sirocco)",
  },
} as const;
export const jsonFlag = { json: { type: "boolean", help: "print JSON, for programs" } } as const;

/** Flags override the environment. Without either it is the development server that was started in this directory. */
export function targetOf(flags: { url?: string | undefined; key?: string | undefined }, io: Io): Target {
  const [url, urlFrom] = firstOf(
    [flags.url, "--url"],
    [io.env.SIROCCO_URL, "SIROCCO_URL"],
    [devFile(io, "url"), `${DEFAULT_DATA}/url`],
  ) ?? [`http://127.0.0.1:${DEFAULT_PORT}`, "default"];
  if (!URL.canParse(url) || !/^https?:/.test(url)) {
    throw usage(`${urlFrom} is '${url}': it must be an http(s) address such as http://127.0.0.1:${DEFAULT_PORT}.`);
  }
  const found = firstOf(
    [flags.key, "--key"],
    [io.env.SIROCCO_API_KEY, "SIROCCO_API_KEY"],
    [devFile(io, "key"), `${DEFAULT_DATA}/key`],
  );
  if (!found) {
    throw new CliError(EXIT.usage, "No API key: SIROCCO_API_KEY is not set and --key was not given.", [
      "`sirocco dev` prints the key of a development server to its terminal, and keeps it in the file `key` of its data directory.",
    ]);
  }
  return { url: url.replace(/\/+$/, ""), key: found[0], from: { url: urlFrom, key: found[1] } };
}

function firstOf(
  ...options: readonly (readonly [string | undefined, string])[]
): readonly [string, string] | undefined {
  return options.find((option): option is readonly [string, string] => option[0] !== undefined && option[0] !== "");
}

function devFile(io: Io, name: "url" | "key"): string | undefined {
  const path = join(resolve(io.cwd, DEFAULT_DATA), name);
  return existsSync(path) ? readFileSync(path, "utf8").trim() : undefined;
}
