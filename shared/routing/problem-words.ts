/**
 * The words for a problem that the JSON Schema validator found, which are those that zod has for the same problem: a client
 * meets one form, whether the server's own schema or that of a workflow refuses its input.
 */
import type { OutputUnit } from "@cfworker/json-schema";

export interface Words {
  readonly msg: string;
  readonly type: string;
}

const NUMBER = String.raw`-?\d[\d.e+-]*?`;
const shownType = (type: string) => (type === "integer" ? "int" : type);
const quoted = (json: string): string[] => (JSON.parse(json) as unknown[]).map((one) => JSON.stringify(one));

const small = (what: string) => `Too small: expected ${what}`;
const big = (what: string) => `Too big: expected ${what}`;

/** By keyword: how the validator says it, and how we do. The first group of `said` is the limit. */
const LIMITS: Readonly<Record<string, { said: RegExp; msg: (limit: string) => string; type: string }>> = {
  minLength: {
    said: / < (\d+)\)/,
    msg: (n) => small(`string to have >=${n} characters`),
    type: "string_too_short",
  },
  maxLength: { said: / > (\d+)\)/, msg: (n) => big(`string to have <=${n} characters`), type: "string_too_long" },
  minItems: { said: / < (\d+)\)/, msg: (n) => small(`array to have >=${n} items`), type: "too_short" },
  maxItems: { said: / > (\d+)\)/, msg: (n) => big(`array to have <=${n} items`), type: "too_long" },
  minimum: {
    said: new RegExp(`is less than +(${NUMBER})\\.$`),
    msg: (n) => small(`number to be >=${n}`),
    type: "greater_than_equal",
  },
  maximum: {
    said: new RegExp(`is greater than +(${NUMBER})\\.$`),
    msg: (n) => big(`number to be <=${n}`),
    type: "less_than_equal",
  },
  exclusiveMinimum: {
    said: new RegExp(`is less than (${NUMBER})\\.$`),
    msg: (n) => small(`number to be >${n}`),
    type: "greater_than",
  },
  exclusiveMaximum: {
    said: new RegExp(`than or equal to (${NUMBER})\\.$`),
    msg: (n) => big(`number to be <${n}`),
    type: "less_than",
  },
  multipleOf: {
    said: new RegExp(`multiple of (${NUMBER})\\.$`),
    msg: (n) => `Invalid number: must be a multiple of ${n}`,
    type: "value_error",
  },
};

/** As zod calls formats in its sentences. */
const FORMATS: Readonly<Record<string, string>> = {
  date: "ISO date",
  "date-time": "ISO datetime",
  time: "ISO time",
  duration: "ISO duration",
  email: "email address",
  uri: "URL",
  uuid: "UUID",
  ipv4: "IPv4 address",
  ipv6: "IPv6 address",
};

/** `key`: the last step of the place. `pattern`: of the schema, if it is known. */
export function wordsFor({ keyword, error }: OutputUnit, key: string | number, pattern?: string): Words {
  const limit = LIMITS[keyword];
  const given = limit?.said.exec(error)?.[1];
  if (limit && given !== undefined) return { msg: limit.msg(given), type: limit.type };
  switch (keyword) {
    case "type": {
      const [, received, wanted] = /type "(\w+)" is invalid. Expected "(.*)"\.$/.exec(error) ?? [];
      if (wanted === undefined) break;
      const types = wanted.split('", "').map(shownType);
      return { msg: `Invalid input: expected ${types.join(" or ")}, received ${received}`, type: `${types[0]}_type` };
    }
    case "enum": {
      const [, values] = /any of (\[.*\])\.$/s.exec(error) ?? [];
      if (values === undefined) break;
      return { msg: `Invalid option: expected one of ${quoted(values).join("|")}`, type: "enum" };
    }
    case "const": {
      const [, value] = /does not match (.*)\.$/s.exec(error) ?? [];
      if (value !== undefined) return { msg: `Invalid input: expected ${value}`, type: "literal_error" };
      break;
    }
    case "pattern": {
      const which = pattern === undefined ? "the schema's pattern" : `pattern /${pattern}/`;
      return { msg: `Invalid string: must match ${which}`, type: "string_pattern_mismatch" };
    }
    case "format": {
      const [, format] = /format "(.*)"\.$/.exec(error) ?? [];
      if (format === undefined) break;
      const type = `${format.replace("date-time", "datetime").replace("uri", "url")}_parsing`;
      return { msg: `Invalid ${FORMATS[format] ?? format}`, type };
    }
    case "false":
      return { msg: `${key} is not a field here`, type: "extra_forbidden" };
    case "anyOf":
    case "oneOf":
      return { msg: "Invalid input: it fits none of the forms that the schema allows", type: "union_tag_invalid" };
    case "uniqueItems":
      return {
        msg: `Invalid array: expected items that differ; ${error.charAt(0).toLowerCase()}${error.slice(1)}`,
        type: "value_error",
      };
    default:
  }
  return { msg: `Invalid input: the schema's ${keyword} refuses it (${error.replace(/\.$/, "")})`, type: keyword };
}
