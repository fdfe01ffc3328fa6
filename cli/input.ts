/** The option `--input`: JSON as text, in a file, or on standard input. */
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { readJson } from "../shared/protocol/json-text.ts";
import { usage } from "./errors.ts";
import type { Io } from "./io.ts";

export const inputFlag = {
  input: {
    type: "string",
    short: "i",
    value: "JSON|@FILE|-",
    help: "the input, a JSON object: as text, from a file, or from standard input",
  },
} as const;

/** Undefined if the flag was not given. Throws a usage error if the input is not a JSON object. */
export async function readInput(given: string | undefined, io: Io): Promise<Record<string, unknown> | undefined> {
  if (given === undefined) return undefined;
  const [text, where] = await textOf(given, io);
  const read = readJson(text);
  if ("problem" in read) {
    const { type, loc, msg } = read.problem;
    const shell = ['In a shell, put it in single quotes: --input \'{"name":"Ada"}\''];
    if (type === "json_invalid") throw usage(`${where} is ${msg}`, ...(where === "--input" ? shell : []));
    throw usage(`${where}, at ${loc.join(".") || "its beginning"}: ${msg}`);
  }
  const { value } = read;
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    const found = value === null ? "null" : Array.isArray(value) ? "a list" : `a ${typeof value}`;
    throw usage(`${where} is ${found}; an input must be a JSON object whose keys are the names of the parameters.`);
  }
  return value as Record<string, unknown>;
}

async function textOf(given: string, io: Io): Promise<readonly [text: string, where: string]> {
  if (given === "-") return [await io.stdin(), "Standard input"];
  if (!given.startsWith("@")) return [given, "--input"];
  const path = given.slice(1);
  try {
    return [await readFile(resolve(io.cwd, path), "utf8"), path];
  } catch (error) {
    throw usage(`--input ${given}: the file cannot be read: ${(error as Error).message}`);
  }
}
