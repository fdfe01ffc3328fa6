/** What the documents say of limits, codes, options, variables and commands is read from the code and compared. */
import { expect, test } from "vitest";
import { parse } from "../../cli/command.ts";
import { find } from "../../cli/main.ts";
import { DEFAULT_PORT } from "../../cli/target.ts";
import { activity } from "../../sdk/activity.ts";
import { settingsOf } from "../../sdk/worker/options.ts";
import { workflow } from "../../sdk/workflow/define.ts";
import { ERROR_CODES } from "../../shared/protocol/errors.ts";
import { RESERVED_EXECUTION_IDS, RESERVED_SCHEDULE_IDS } from "../../shared/protocol/ids.ts";
import * as limits from "../../shared/protocol/limits.ts";
import { ROUTES } from "../../shared/protocol/routes.ts";
import { CHECK_LIMIT_MS } from "../../shared/routing/schema-check.ts";
import { DEFAULTS } from "../../shared/server/settings.ts";
import { OFFICIAL_OPERATIONS } from "../protocol/official-operations.ts";
import { listed, read, rowsUnder } from "./files.ts";

const DOCUMENTS = [
  "README.md",
  "sdk/README.md",
  "cli/README.md",
  "infra/README.md",
  "examples/invoices/README.md",
  ...listed("docs/*.md"),
];
const API = "docs/api.md";
const MiB = 1024 * 1024;
const seconds = (ms: number) => ms / 1000;

const { options: activityDefaults } = activity({ name: "a" }, async () => {}) as unknown as {
  options: {
    start_to_close_ms: number;
    retry: { max_attempts: number; first_ms: number; factor: number; max_ms: number };
  };
};
const worker = settingsOf(
  { deployment: "d", url: "http://x", apiKey: "k", workflows: [workflow({ name: "w" }, async () => {})] },
  {},
);

/** Each place where a document names a number: the text around it, and the value in the code. */
const NUMBERS: readonly (readonly [document: string, place: RegExp, value: number])[] = [
  [API, /`wait_for_result` waits (\d+) s/, limits.DEFAULT_WAIT_SECONDS],
  [API, /says otherwise, at most (\d+) s/, limits.MAX_WAIT_SECONDS],
  [API, /a comment every (\d+) s/, limits.KEEP_ALIVE_SECONDS],
  [API, /at most\s+([\d,]+) events and/, limits.MAX_PAGE],
  [API, /events and (\d+) MiB/, limits.MAX_LIST_BYTES / MiB],
  [API, /value of more than (\d+) KiB/, limits.MAX_SHOWN_BYTES / 1024],
  [API, /the first ([\d,]+) characters/, limits.PREVIEW_CHARACTERS],
  [API, /over (\d+) MiB/, limits.MAX_PAYLOAD_BYTES / MiB],
  ["README.md", /an input, result, signal or answer \| (\d+) MiB/, limits.MAX_PAYLOAD_BYTES / MiB],
  ["README.md", /one run \| ([\d,]+) events/, limits.MAX_HISTORY_EVENTS],
  ["README.md", /events, (\d+) MiB of history/, limits.MAX_HISTORY_BYTES / MiB],
  ["README.md", /waits for a result: (\d+) s/, limits.MAX_WAIT_SECONDS],
  ["README.md", /default time limit \| (\d+) h/, limits.DEFAULT_EXECUTION_TIMEOUT_SECONDS / 3600],
  ["README.md", /kept after the end \| (\d+) days/, limits.RETENTION_DAYS],
  ["docs/workflows.md", /A run holds ([\d,]+) events/, limits.MAX_HISTORY_EVENTS],
  ["docs/workflows.md", /events or (\d+) MiB/, limits.MAX_HISTORY_BYTES / MiB],
  ["docs/workflows.md", /\[A-Za-z0-9_-\], up to (\d+)/, limits.MAX_WORKFLOW_NAME],
  ["docs/workflows.md", /default (\d+) h, null/, limits.DEFAULT_EXECUTION_TIMEOUT_SECONDS / 3600],
  ["docs/concepts.md", /\[A-Za-z0-9_-\]`, up to (\d+)\)/, limits.MAX_EXECUTION_ID],
  ["docs/concepts.md", /takes over within (\d+) s/, seconds(DEFAULTS.leaseMs)],
  ["docs/concepts.md", /\(default (\d+) h over/, limits.DEFAULT_EXECUTION_TIMEOUT_SECONDS / 3600],
  ["docs/concepts.md", /stay for (\d+) days/, limits.RETENTION_DAYS],
  ["docs/operating.md", /go (\d+) days after/, limits.RETENTION_DAYS],
  ["docs/operating.md", /`--lease` \| (\d+)s/, seconds(DEFAULTS.leaseMs)],
  ["docs/operating.md", /`--session-timeout` \| (\d+)s/, seconds(DEFAULTS.sessionTimeoutMs)],
  ["docs/operating.md", /`--liveness` \| (\d+)s/, seconds(DEFAULTS.livenessMs)],
  ["docs/operating.md", /--port (\d+) --data/, DEFAULT_PORT],
  ["docs/deployments.md", /\(1 to (\d+) of `A-Z/, limits.MAX_DEPLOYMENT_NAME],
  ["docs/deployments.md", /a heartbeat every (\d+) s/, limits.HEARTBEAT_SECONDS],
  ["docs/deployments.md", /alive for (\d+) s after/, limits.LIVENESS_SECONDS],
  ["docs/deployments.md", /running activities (\d+) s/, seconds(worker.graceMs)],
  ["docs/deployments.md", /`maxConcurrentActivities` \((\d+)\)/, worker.limits.maxConcurrentActivities],
  ["docs/deployments.md", /`maxConcurrentWorkflows` \((\d+)\)/, worker.limits.maxConcurrentWorkflows],
  ["docs/deployments.md", /`cachedExecutions` \((\d+)\)/, worker.limits.cachedExecutions],
  ["docs/activities.md", /\[A-Za-z0-9_-\], up to (\d+)/, limits.MAX_ACTIVITY_NAME],
  ["docs/activities.md", /in this process; default (\d+)/, worker.limits.maxConcurrentActivities],
  ["docs/activities.md", /`timeout` \| (\d+) min/, activityDefaults.start_to_close_ms / 60_000],
  ["docs/activities.md", /`retry.maxAttempts` \| (\d+)/, activityDefaults.retry.max_attempts],
  ["docs/activities.md", /`factor`, `max` \| (\d+) s/, seconds(activityDefaults.retry.first_ms)],
  ["docs/activities.md", /`max` \| \d+ s, (\d+),/, activityDefaults.retry.factor],
  ["docs/activities.md", /`max` \| \d+ s, \d+, (\d+) s/, seconds(activityDefaults.retry.max_ms)],
  ["docs/messages.md", /413 \| over (\d+) MiB/, limits.MAX_PAYLOAD_BYTES / MiB],
  [API, /A key has at most (\d+) characters/, limits.MAX_IDEMPOTENCY_KEY],
  [API, /is kept for (\d+) days, as closed/, limits.RETENTION_DAYS],
  [API, /nest arrays and objects (\d+) deep/, limits.MAX_JSON_DEPTH],
  [API, /at most ([\d,]+) values and/, limits.MAX_JSON_VALUES],
  [API, /values and ([\d,]+) different keys/, limits.MAX_JSON_KEYS],
  [API, /schema may take (\d+) s/, seconds(CHECK_LIMIT_MS)],
  ["docs/workflows.md", /more than (\d+) levels/, limits.MAX_JSON_DEPTH],
  ["docs/workflows.md", /levels, more than (\d+) MiB/, limits.MAX_PAYLOAD_BYTES / MiB],
  ["docs/workflows.md", /then one every (\d+) s/, seconds(limits.RUN_INTERVAL_MS)],
  ["docs/workflows.md", /a run with ([\d,]+) events or more/, limits.LONG_RUN_EVENTS],
  ["docs/activities.md", /records the first (\d+) attempts/, limits.RECORDED_ATTEMPTS],
  ["docs/activities.md", /show the first (\d+) failures/, limits.RECORDED_ATTEMPTS],
  ["docs/activities.md", /error cut to (\d+) characters/, limits.MAX_SHORT_MESSAGE],
  ["docs/deployments.md", /workflow has (\d+) tags at most/, limits.MAX_TAGS],
  ["docs/deployments.md", /each of 1 to (\d+) characters/, limits.MAX_TAG],
  ["docs/operating.md", /(\d+) open jobs in a workspace/, limits.MAX_OPEN_JOBS],
  ["docs/operating.md", /a filter (\d+) KiB/, limits.MAX_JOB_FILTER_BYTES / 1024],
  ["docs/operating.md", /input has (\d+) KiB at most/, limits.MAX_JOB_INPUT_BYTES / 1024],
  ["docs/schedules.md", /at most (\d+) calendars/, limits.MAX_SCHEDULE_PARTS],
  ["docs/schedules.md", /with ([\d,]+) ranges/, limits.MAX_CALENDAR_RANGES],
  ["sdk/README.md", /required, 1 to (\d+) of/, limits.MAX_DEPLOYMENT_NAME],
];

test.each(NUMBERS)("%s says the code's number at %s", (document, place, value) => {
  const found = place.exec(read(document))?.[1];
  expect(found, "the document has no such place: change the test with the sentence").toBeDefined();
  expect(Number(found!.replaceAll(",", ""))).toBe(value);
});

/** Status and code of every refusal that the public API makes. */
function refusals(): string[] {
  const sources = listed("shared/**/*.ts", "functions/**/*.ts").filter(
    (file) => !file.endsWith(".test.ts") && !file.startsWith("shared/api/worker/"),
  );
  const found = sources.flatMap((file) => {
    const code = read(file);
    return [
      ...[...code.matchAll(/\brefusal\(\s*(\d{3}),\s*"([A-Z_0-9]+)"/g)].map(([, status, name]) => `${status} ${name}`),
      ...[...code.matchAll(/status: (\d{3}), code: "([A-Z_0-9]+)"/g)].map(([, status, name]) => `${status} ${name}`),
    ];
  });
  // A schedule's 404 takes its code from a variable.
  return [...new Set([...found, "404 WF_1100", "404 WF_1201"])].sort();
}

test("the table of errors has every status with every code that the API answers, and no other", () => {
  const rows = rowsUnder(read(API), "Errors");
  const named = rows.map(([status, code]) => `${status} ${code!.replaceAll("`", "")}`);
  expect(named.toSorted()).toEqual(refusals());
});

test("the API's document names every word that cannot be an id", () => {
  const [, executions, schedules] = /own paths \((.*?); (.*?) for a schedule\)/.exec(read(API))!;
  const words = (text: string) => [...text.matchAll(/`(\w+)`/g)].map(([, word]) => word);
  expect(words(executions!).toSorted()).toEqual(RESERVED_EXECUTION_IDS.toSorted());
  expect(words(schedules!).toSorted()).toEqual(RESERVED_SCHEDULE_IDS.toSorted());
});

test("every code that a document names exists", () => {
  const named = DOCUMENTS.flatMap((document) => [...read(document).matchAll(/\bWF_\d{4}\b/g)].map(([code]) => code));
  expect(named.length).toBeGreaterThan(8);
  expect(named.filter((code) => !Object.hasOwn(ERROR_CODES, code))).toEqual([]);
});

test("every environment variable that a document names is read by the code", () => {
  const code = listed(
    "{shared,sdk,cli,functions,infra,localstack,examples,test}/**/*.{ts,js,json}",
    "*.ts",
    "*.py",
    "package.json",
  )
    .map(read)
    .join("\n");
  const named = DOCUMENTS.flatMap((document) => [
    ...read(document).matchAll(/\b(?:SIROCCO|DEPLOYMENT|WORKER|HEALTH)_[A-Z_]*[A-Z]\b/g),
  ]).map(([name]) => name);
  expect(named.length).toBeGreaterThan(15);
  expect([...new Set(named)].filter((name) => !code.includes(name))).toEqual([]);
});

test("every operation that the API's document names is in the routes table", () => {
  const paths = new Set(ROUTES.map(({ method, path }) => `${method} ${path.replaceAll(/\{\w+\}/g, "{}")}`));
  const named = [...read(API).matchAll(/`(GET|POST|PUT|PATCH|DELETE) (…?\/[\w./{}-]+|…[\w./{}-]+)`/g)].map(
    ([, method, path]) => [method!, path!.replaceAll(/\{\w+\}/g, "{}")] as const,
  );
  expect(named.length).toBeGreaterThan(6);
  const known = ([method, path]: readonly [string, string]) =>
    path.startsWith("…")
      ? [...paths].some((each) => each.startsWith(`${method} `) && each.endsWith(path.slice(1)))
      : paths.has(`${method} ${path}`);
  expect(named.filter((each) => !known(each))).toEqual([]);
});

test("the API's document lists every operation that answers 501, and no other", () => {
  const unavailable = ROUTES.filter((row) => "unavailable" in row);
  const rows = rowsUnder(read(API), "Where it differs");
  const named = rows.flatMap(([operation, name]) => {
    const [, asked] = /^`([A-Z]+ \/\S+)`$/.exec(operation!) ?? [];
    return asked ? [`${asked} ${/`(\w+)`/.exec(name!)![1]}`] : [];
  });
  expect(unavailable.length).toBeGreaterThan(5);
  expect(named.toSorted()).toEqual(
    unavailable.map(({ method, path, operation }) => `${method} ${path} ${operation}`).toSorted(),
  );
});

/** Own operations that no command calls, and why. */
const WITHOUT_COMMAND: Readonly<Record<string, string>> = {
  getOpenApi: "programs read the document",
  previewSchedule: "`sirocco schedule preview` computes the times itself, so it needs no server",
};

test("the command calls every operation that the official clients lack", () => {
  const official = new Set(OFFICIAL_OPERATIONS.map(([method, path]) => `${method} ${path}`));
  const own = ROUTES.filter(({ method, path }) => !official.has(`${method} ${path}`)).map(({ operation }) => operation);
  expect(own.length).toBeGreaterThan(15);
  const sources = listed("cli/*.ts").filter((file) => !file.endsWith(".test.ts"));
  const code = sources.map(read).join("\n");
  const uncalled = own.filter((name) => !new RegExp(`"${name}"[,)]`).test(code));
  expect(uncalled.toSorted()).toEqual(Object.keys(WITHOUT_COMMAND).toSorted());
});

/** The words of a command line, as a shell splits them. */
const words = (line: string): string[] =>
  [...line.matchAll(/'([^']*)'|"((?:\\.|[^"])*)"|(\S+)/g)].map(([, single, double, bare]) => single ?? double ?? bare!);

/** Command lines of the documents: lines of code blocks, and code within sentences. */
function commandLines(document: string): { line: string; inline: boolean }[] {
  const text = read(document);
  const blocks = [...text.matchAll(/^```\w*\n([\s\S]*?)^```$/gm)].map(([, block]) => block!);
  const inBlocks = blocks
    .flatMap((block) => block.replaceAll(/\\\n\s*/g, " ").split("\n"))
    .map((line) => /^(?:[A-Z_]+=\S+ +)*(?:npx )?(sirocco .*)$/.exec(line.trim())?.[1])
    .filter((line) => line !== undefined)
    .map((line) => ({ line: line.replace(/\s+(?:#|>).*$/, ""), inline: false }));
  const sentences = text.replaceAll(/^```\w*\n[\s\S]*?^```$/gm, "");
  const inSentences = [...sentences.matchAll(/`(?:npx )?(sirocco [^`]*)`/g)].map(([, line]) => ({
    line: line!,
    inline: true,
  }));
  return [...inBlocks, ...inSentences].filter(({ line }) => !/[<…]/.test(line) && !line.includes("--help"));
}

test.each(DOCUMENTS)("every command line of %s is one that the command accepts", (document) => {
  const wrong = commandLines(document).flatMap(({ line, inline }) => {
    const argv = words(line).slice(1);
    try {
      const { command, rest } = find(argv);
      if (!("commands" in command)) parse(command, rest);
      return [];
    } catch (error) {
      const { message } = error as Error;
      // A sentence may name a command without its arguments.
      return inline && /needs <|argument missing/.test(message) ? [] : [`${line}: ${message}`];
    }
  });
  expect(wrong).toEqual([]);
});

test("the documents have command lines to check", () => {
  expect(DOCUMENTS.flatMap(commandLines).length).toBeGreaterThan(30);
});

/** Sentences about options name them as `--option`. */
test("every option that a document names belongs to a command", async () => {
  const { commands } = await import("../../cli/commands/index.ts");
  const leaves = commands.flatMap((c) => ("commands" in c ? [...(c.own ? [c.own] : []), ...c.commands] : [c]));
  const known = new Set(["help", "version", ...leaves.flatMap((c) => Object.keys(c.flags))]);
  const pages = ["README.md", "cli/README.md", ...listed("docs/*.md")].filter((page) => page !== "docs/runbook.md");
  const named = pages.flatMap((page) =>
    [...read(page).matchAll(/`--([a-z][a-z-]*)[^`]*`/g)].map(([, name]) => `${page}: ${name}`),
  );
  expect(named.length).toBeGreaterThan(10);
  expect(named.filter((each) => !known.has(each.split(": ")[1]!))).toEqual([]);
});
