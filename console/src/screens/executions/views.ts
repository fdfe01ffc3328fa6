/** Saved views of the list of executions: addresses by name, kept in this browser, and as a file that people pass on. */
import { ASKS, type ListSearch, readListSearch } from "../../app/search.ts";

export const MAX_VIEWS = 50;
const MAX_NAME = 60;

/** Views that every browser has. */
export const SYSTEM_VIEWS: Readonly<Record<string, ListSearch>> = {
  All: {},
  Running: { status: ["RUNNING"] },
  Failed: { status: ["FAILED", "TIMED_OUT"] },
  "Asks a person": ASKS,
};

/** By name: the address as JSON. */
export type Views = Readonly<Record<string, string>>;

export const clean = (search: ListSearch): ListSearch =>
  Object.fromEntries(Object.entries(search).filter(([, value]) => value !== undefined && value !== ""));

export const nameOf = (typed: string): string => typed.trim().slice(0, MAX_NAME);

export const toFile = (views: Views): string =>
  JSON.stringify(
    { views: Object.fromEntries(Object.entries(views).map(([name, json]) => [name, JSON.parse(json)])) },
    null,
    2,
  );

/** The views of a file, beside or instead of those of the same name. Throws an `Error` that says what is wrong with it. */
export function withFile(views: Views, file: { name: string; text: string }): { views: Views; read: number } {
  const refused = (why: string) => new Error(`'${file.name}' has no saved views: ${why}.`);
  let content: unknown;
  try {
    content = JSON.parse(file.text);
  } catch {
    throw refused("it is not JSON");
  }
  const found = (content as { views?: unknown } | null)?.views;
  if (typeof found !== "object" || found === null || Array.isArray(found)) throw refused("it has no object 'views'");
  const read: Record<string, string> = {};
  for (const [name, value] of Object.entries(found)) {
    if (nameOf(name) === "" || Object.hasOwn(SYSTEM_VIEWS, name))
      throw refused(`a view cannot have the name '${name}'`);
    if (typeof value !== "object" || value === null) throw refused(`the view '${name}' is no object of filters`);
    const known = clean(readListSearch(value as Record<string, unknown>));
    const lost = Object.keys(value).filter((key) => !(key in known));
    if (lost.length > 0) throw refused(`the view '${name}' has a filter that this console does not know: ${lost[0]}`);
    read[nameOf(name)] = JSON.stringify(known);
  }
  const all = { ...views, ...read };
  if (Object.keys(all).length > MAX_VIEWS) throw new Error(`There can be ${MAX_VIEWS} views: delete some first.`);
  return { views: all, read: Object.keys(read).length };
}
