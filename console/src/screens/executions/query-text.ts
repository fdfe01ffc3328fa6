/**
 * A line of text as filters: `status:failed workflow:pay customer=ada`.
 *
 * QUERY-1. Words are parted by spaces; quotes keep spaces: `text:"two words"`. `name:value` is a filter, `key=value` and
 * `key^=beginning` are search keys, and a word alone is text that an id or a name has.
 * QUERY-2. A line with a mistake changes nothing, and the refusal says what was wrong and what may stand there.
 */
import type { ListSearch } from "../../app/search.ts";
import { STATUS_WORDS } from "../../ui/status.tsx";

type Field = Exclude<keyof ListSearch, "status" | "search_key" | "sort_by" | "order" | "columns">;

const FIELDS: Readonly<Record<string, Field>> = {
  workflow: "workflow_identifier",
  deployment: "deployment_name",
  text: "search",
  root: "root_execution_id",
  after: "start_time_after",
  before: "start_time_before",
};
const NAMES = ["status", ...Object.keys(FIELDS)].join(", ");
const TIME = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d))?$/;

export type Parsed = { readonly ok: true; readonly search: ListSearch } | { readonly ok: false; readonly why: string };

const refuse = (why: string): Parsed => ({ ok: false, why });

export function parseQuery(line: string): Parsed {
  const words = wordsOf(line);
  if (words === null) return refuse('A quote is not closed: write text:"two words".');
  const statuses: string[] = [];
  const keys: string[] = [];
  const fields: Partial<Record<Field, string>> = {};
  for (const word of words) {
    const [, name = "", sign = "", value = ""] = /^([^:=^]*)(:|=|\^=)(.*)$/s.exec(word) ?? [];
    if (sign !== "" && (name === "" || value === "")) return refuse(`'${word}' lacks a name or a value.`);
    if (sign === "=" || sign === "^=") keys.push(sign === "=" ? `${name}:${value}` : `${name}^=${value}`);
    else if (name.toLowerCase() === "status") {
      for (const one of value.split(",")) {
        const status = statusOf(one);
        if (!status) {
          const all = STATUS_WORDS.map((each) => each.status.toLowerCase()).join(", ");
          return refuse(`'${one}' is no status. There are ${all}.`);
        }
        statuses.push(status);
      }
    } else {
      const field = sign === "" ? "search" : FIELDS[name.toLowerCase()];
      if (!field)
        return refuse(`'${name}' is no filter. There are ${NAMES}; a search key is written ${name}=${value}.`);
      if (fields[field] !== undefined) {
        return refuse(
          field === "search"
            ? `Text stands there twice, '${fields[field]}' and '${value || word}': put it in quotes.`
            : `'${name}' stands there twice: the list can show one.`,
        );
      }
      const given = sign === "" ? word : value;
      if (field.startsWith("start_time") && !isTime(given)) {
        return refuse(`'${given}' is no time. Write 2026-01-31 or 2026-01-31T09:30:00Z.`);
      }
      fields[field] = field.startsWith("start_time") ? new Date(given).toISOString() : given;
    }
  }
  const search = {
    ...fields,
    ...(statuses.length > 0 && { status: [...new Set(statuses)] }),
    ...(keys.length > 0 && { search_key: [...new Set(keys)] }),
  };
  return { ok: true, search };
}

/** Null: a quote is not closed. */
function wordsOf(line: string): readonly string[] | null {
  const words = line.match(/(?:"[^"]*"|[^\s"])+|"/g) ?? [];
  if ((line.match(/"/g)?.length ?? 0) % 2 === 1) return null;
  return words.map((word) => word.replaceAll('"', "")).filter((word) => word !== "");
}

const plain = (text: string): string => text.toLowerCase().replace(/[\s_-]/g, "");

const statusOf = (text: string): string | undefined =>
  STATUS_WORDS.find(({ status, word }) => [status, word].some((one) => plain(one) === plain(text)))?.status;

const isTime = (text: string): boolean => TIME.test(text) && !Number.isNaN(Date.parse(text));
