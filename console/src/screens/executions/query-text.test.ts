import { describe, expect, test } from "vitest";
import { parseQuery } from "./query-text.ts";

const search = (line: string) => {
  const parsed = parseQuery(line);
  return parsed.ok ? parsed.search : parsed.why;
};

describe("a line of text as filters", () => {
  test("QUERY-1: filters, search keys, quotes and text alone", () => {
    expect(
      search('status:failed,timed_out Workflow:pay customer=ada city^=Par deployment:v1 text:"two words"'),
    ).toEqual({
      status: ["FAILED", "TIMED_OUT"],
      workflow_identifier: "pay",
      deployment_name: "v1",
      search: "two words",
      search_key: ["customer:ada", "city^=Par"],
    });
    expect(search('  status:RUNNING\tstatus:"timed out" order-7 ')).toEqual({
      status: ["RUNNING", "TIMED_OUT"],
      search: "order-7",
    });
    expect(search("after:2026-01-31 before:2026-02-01T09:30:00+02:00 root:a")).toEqual({
      start_time_after: "2026-01-31T00:00:00.000Z",
      start_time_before: "2026-02-01T07:30:00.000Z",
      root_execution_id: "a",
    });
    expect(search("url=a:b=c")).toEqual({ search_key: ["url:a:b=c"] });
    expect(search("")).toEqual({});
  });

  test.each([
    ["stat:failed", /^'stat' is no filter\. There are status, workflow, .*stat=failed/],
    ["status:done", /^'done' is no status\. There are running, completed/],
    ["after:soon", /^'soon' is no time\. Write 2026-01-31/],
    ["after:2026-13-45", /is no time/],
    ["workflow:", /^'workflow:' lacks a name or a value/],
    ["=ada", /lacks a name or a value/],
    ["workflow:a workflow:b", /^'workflow' stands there twice/],
    ["two words", /^Text stands there twice, 'two' and 'words': put it in quotes/],
    ['text:"two words', /^A quote is not closed/],
  ])("QUERY-2: %s is refused in words", (line, why) => {
    expect(search(line)).toMatch(why);
  });
});
