/** The lines of all logs (LOGLINE-1, LOGLINE-2), and the page that describes them. */
import { globSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { LINE_LEVELS, type LineOptions, LOG_KEYS, lineLog, lineSettings } from "./log-lines.ts";

const root = new URL("../../", import.meta.url).pathname;

function recorded(over: Partial<LineOptions> = {}) {
  const lines: string[] = [];
  const log = lineLog({ format: "json", level: "debug", write: (line) => void lines.push(line), ...over });
  return { log, lines, parsed: () => lines.map((line) => JSON.parse(line) as Record<string, unknown>) };
}
const thrown = new Error("disk full");

describe("a line", () => {
  test("of JSON has time, level and message first, then its fields and those of every line", () => {
    const { log, lines, parsed } = recorded({ always: () => ({ service: "shop", invocation: undefined }) });
    log.warn("sweep: late", { execution: "o-1", error: thrown });
    expect(lines[0]).toMatch(/^\{"time":"\d{4}-\d\d-\d\dT[\d:.]+Z","level":"warn","message":"sweep: late",/);
    const { time: _, ...rest } = parsed()[0]!;
    const fields = { service: "shop", execution: "o-1", error: "disk full" };
    expect(rest).toEqual({ level: "warn", message: "sweep: late", ...fields });
  });

  test("at the level error has the stack of its error", () => {
    const { log, parsed } = recorded();
    log.error("request failed", { error: thrown });
    expect(parsed()[0]).toMatchObject({ error: "disk full", stack: thrown.stack });
  });

  test("does not let a field pose as its level", () => {
    const { log, parsed } = recorded();
    log.info("paid", { level: "error", message: "forged", time: 1 });
    expect(parsed()[0]).toMatchObject({
      level: "info",
      message: "paid",
      _level: "error",
      _message: "forged",
      _time: 1,
    });
  });

  test("of text has the same, readable", () => {
    const { log, lines } = recorded({ format: "text" });
    log.warn("hold: late", { execution: "o-1", left: 3, error: thrown });
    expect(lines[0]).toMatch(/^\S+Z warn {2}hold: late execution="o-1" left=3 error="disk full"$/);
  });

  test("is one line, and no field makes it throw", () => {
    const cycle: Record<string, unknown> = {};
    cycle.self = cycle;
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    const unreadable = Object.defineProperty(new Error("x"), "message", {
      get() {
        throw new Error("no");
      },
    });
    for (const format of ["json", "text"] as const) {
      const { log, lines } = recorded({ format });
      for (const value of [1n, cycle, proxy, unreadable, undefined, () => {}, Symbol("s"), "two\nlines"])
        log.error("x", { value });
      expect(lines).toHaveLength(8);
      for (const line of lines) expect(line).not.toContain("\n");
    }
  });

  test.each(
    LINE_LEVELS.map((level, i) => [level, LINE_LEVELS.slice(i)] as const),
  )("below the level %s is not written", (level, expected) => {
    const { log, parsed } = recorded({ level });
    for (const each of LINE_LEVELS) log[each]("x");
    expect(parsed().map((line) => line.level)).toEqual(expected);
  });
});

test("a field that throws when it is read costs no line", () => {
  const { log, parsed } = recorded();
  const fields = {
    execution: "o-1",
    get run(): string {
      throw thrown;
    },
  };
  const ownKeys = () => {
    throw thrown;
  };
  log.info("one", fields);
  log.info("two", new Proxy({}, { ownKeys }));
  expect(parsed()).toMatchObject([
    { message: "one", execution: "o-1", run: "a value that cannot be read" },
    { message: "two" },
  ]);
});

test("format and level come from the environment, and a wrong one is named with what is allowed", () => {
  const defaults = { format: "text", level: "warn" } as const;
  expect(lineSettings({}, defaults)).toEqual(defaults);
  expect(lineSettings({ SIROCCO_LOG_FORMAT: "json", SIROCCO_LOG_LEVEL: "debug" }, defaults)).toEqual({
    format: "json",
    level: "debug",
  });
  expect(lineSettings({ SIROCCO_LOG_FORMAT: "xml" }, defaults)).toBe(
    "SIROCCO_LOG_FORMAT is 'xml': it must be json or text",
  );
  expect(lineSettings({ SIROCCO_LOG_LEVEL: "loud" }, defaults)).toContain("debug, info, warn, error");
});

test("the page on logs has the keys and their meanings", () => {
  const page = readFileSync(`${root}docs/logs.md`, "utf8");
  const table = page.slice(page.indexOf("| key | |"), page.indexOf("```\n{"));
  const rows = [...table.matchAll(/^\| `(\w+)` \| (.*) \|$/gm)].map(([, key, meaning]) => [key, meaning]);
  expect(Object.fromEntries(rows)).toEqual(LOG_KEYS);
});

test("the code writes its keys in the same way everywhere", () => {
  const files = globSync(["shared/**/*.ts", "functions/*.ts", "functions/lib/*.ts", "cli/**/*.ts", "sdk/**/*.ts"], {
    cwd: root,
  });
  const wrong: string[] = [];
  let calls = 0;
  for (const file of files.filter((name) => !/test|node_modules/.test(name))) {
    const text = readFileSync(root + file, "utf8");
    for (const [, fields = ""] of text.matchAll(
      /\blog\.(?:debug|info|warn|error)\((?:[^{}()]|\$\{[^}]*\}|\([^)]*\))*?,\s*\{([^{}]*)\}/g,
    )) {
      calls += 1;
      for (const [, key] of fields.matchAll(/(?:^|[,{]\s*|\s)([A-Za-z_]+)(?=\s*(?:[,:]|$))/g))
        if (/[A-Z]/.test(key!) && new RegExp(`(?:^|,)\\s*${key}\\s*(?:[,:]|\\s*$)`).test(fields))
          wrong.push(`${file}: ${key}`);
    }
  }
  expect(calls).toBeGreaterThan(40);
  expect(wrong).toEqual([]);
});
