import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import * as z from "zod";
import type { Refusal } from "../errors.ts";
import { PromoteRequest } from "./deployments.ts";
import { StreamEventsQuery } from "./events.ts";
import { WorkflowExecutionRequest } from "./executions.ts";
import { isEncodedInput } from "./fields.ts";
import { CreateJobRequest } from "./jobs.ts";
import { type Parsed, parseBody, parseJsonBody, parseQuery } from "./parse.ts";
import { ListRunsQuery } from "./runs.ts";
import { ScheduleLogQuery, WorkflowScheduleRead } from "./schedules.ts";
import { WorkflowUpdateRequest } from "./workflows.ts";

const query = <S extends z.ZodType>(schema: S, text: string) => parseQuery(schema, new URLSearchParams(text));
const body = <S extends z.ZodType>(schema: S, value: unknown) => parseBody(schema, JSON.stringify(value));
function accepted<T>(parsed: Parsed<T>): T {
  if ("refused" in parsed) throw new Error(JSON.stringify(parsed.refused));
  return parsed.value;
}
function places(parsed: Parsed<unknown>): string[] {
  const refused = "refused" in parsed ? parsed.refused : expect.fail("was accepted");
  return list(refused).map((item) => `${item.loc.join(".")} ${item.type}`);
}
function list(refusal: Refusal) {
  return refusal.status === 422 ? refusal.detail : expect.fail(`status ${refusal.status}`);
}

describe("bodies", () => {
  test("a list that is far too long is one problem, and no answer names very many", async () => {
    const many = 150_000;
    for (const [schema, sent, place] of [
      [CreateJobRequest, { action: "cancel", filter: { status: Array(many).fill("odd") } }, "body.filter.status"],
      [PromoteRequest, { workflow_names: Array(many).fill("odd name") }, "body.workflow_names"],
    ] as const) {
      expect(places(await body(schema as z.ZodType, sent)).filter((each) => each.startsWith(place))).toEqual([
        `${place} too_long`,
      ]);
    }
    const unknown = Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`k${i}`, 1]));
    expect(places(await body(CreateJobRequest, unknown))).toHaveLength(100);
  });

  test.each(["", "  \n", "null"])("%o counts as an empty object where a body is optional", (text) => {
    expect(parseJsonBody(text, { optional: true })).toEqual({ value: {} });
  });

  test("a missing body is a missing field, and the refusal of broken JSON says where it breaks", async () => {
    expect(places(parseJsonBody(""))).toEqual(["body missing"]);
    expect(places(parseJsonBody("{", { optional: true }))).toEqual(["body json_invalid"]);
    expect(parseJsonBody("null")).toEqual({ value: null });
    expect(places(await parseBody(WorkflowExecutionRequest, "null"))).toEqual(["body object_type"]);
  });

  test("an official operation ignores unknown keys", async () => {
    const parsed = accepted(await body(WorkflowExecutionRequest, { input: { a: 1 }, new_key: 1 }));
    expect(parsed).toEqual({ input: { a: 1 }, wait_for_result: false, force_new_trace: false });
  });

  test("an execution's input is an object, plain or encoded, and not both", async () => {
    const encoded_input = { b64payload: "AA==", encoding_options: ["encrypted"], input_hash: "ff" };
    expect(accepted(await body(WorkflowExecutionRequest, { input: null, encoded_input })).encoded_input).toEqual({
      ...encoded_input,
      empty: false,
    });
    expect(places(await body(WorkflowExecutionRequest, { input: {}, encoded_input }))).toEqual([
      "body.encoded_input value_error",
    ]);
    expect(places(await body(WorkflowExecutionRequest, { input: [1] }))).toEqual(["body.input value_error"]);
    expect(places(await body(WorkflowExecutionRequest, { execution_id: "a/b" }))).toEqual([
      "body.execution_id string_pattern_mismatch",
    ]);
  });

  test("an encoded input is recognised by its payload", () => {
    expect(isEncodedInput({ b64payload: "AA==" })).toBe(true);
    for (const other of [null, undefined, "b64payload", {}, { b64payload: 1 }, []])
      expect(isEncodedInput(other)).toBe(false);
  });

  test("tags are trimmed, and duplicates dropped", async () => {
    expect(accepted(await body(WorkflowUpdateRequest, { tags: [" a", "a", "b "] })).tags).toEqual(["a", "b"]);
    expect(places(await body(WorkflowUpdateRequest, { tags: [" "], display_name: " " }))).toEqual([
      "body.display_name string_too_short",
      "body.tags.0 string_too_short",
    ]);
  });
});

describe("queries", () => {
  test("numbers, booleans, lists and dates become values", () => {
    const text =
      "page_size=7&include_internal=FALSE&status=RUNNING&status=FAILED&start_time_after=2026-01-31T10:30:00%2B01:00";
    expect(accepted(query(ListRunsQuery, text))).toEqual({
      page_size: 7,
      include_internal: false,
      status: ["RUNNING", "FAILED"],
      start_time_after: Date.UTC(2026, 0, 31, 9, 30),
      sort_by: "start_time",
      order: "desc",
    });
  });

  test("a date without an offset is UTC, whatever the server's zone", () => {
    const parsed = accepted(query(ListRunsQuery, "end_time_before=2026-01-31T09:30:00"));
    expect(parsed.end_time_before).toBe(Date.UTC(2026, 0, 31, 9, 30));
  });

  test("the last of a repeated single value counts, and an empty token counts as absent", () => {
    const parsed = accepted(query(ListRunsQuery, "page_size=1&page_size=2&next_page_token="));
    expect(parsed.page_size).toBe(2);
    expect(parsed.next_page_token).toBeUndefined();
  });

  test.each([
    ["page_size=0", "query.page_size greater_than_equal"],
    ["page_size=1001", "query.page_size less_than_equal"],
    ["page_size=ten", "query.page_size number_type"],
    ["page_size=", "query.page_size number_type"],
    ["page_size=1.5", "query.page_size int_type"],
    ["page_size=0x10", "query.page_size number_type"],
    ["include_internal=maybe", "query.include_internal boolean_type"],
    ["status=running", "query.status.0 enum"],
    ["start_time_after=yesterday", "query.start_time_after datetime_parsing"],
    ["search_key=nocolon", "query.search_key.0 string_pattern_mismatch"],
    ["search_key=a:1&search_key=b:1&search_key=c:1&search_key=d:1", "query.search_key too_long"],
  ])("%s is refused at its place", (text, place) => {
    expect(places(query(ListRunsQuery, text))).toEqual([place]);
  });

  test("official operations ignore an unknown key, our own refuse it", () => {
    expect(accepted(query(ListRunsQuery, "new_key=1"))).not.toHaveProperty("new_key");
    expect(places(query(ScheduleLogQuery, "limti=1"))).toEqual(["query.limti extra_forbidden"]);
  });

  test("any query string is parsed or refused, and never throws", () => {
    const pair = fc.tuple(fc.constantFrom(...Object.keys(ListRunsQuery.shape), "x", "__proto__"), fc.string());
    fc.assert(
      fc.property(fc.array(pair, { maxLength: 6 }), (pairs) => {
        const parsed = parseQuery(ListRunsQuery, new URLSearchParams(pairs));
        if ("refused" in parsed) expect(list(parsed.refused).length).toBeGreaterThan(0);
        else expect(parsed.value.page_size).toBeGreaterThan(0);
      }),
    );
  });
});

describe("metadata filters of the event stream", () => {
  test("are query keys of their own or one JSON object, and mix with declared keys", () => {
    const text = 'scope=workflow&customer=42&metadata_filters={"region":"eu","n":1,"deep":{"a":[1]}}';
    expect(accepted(query(StreamEventsQuery, text))).toMatchObject({
      scope: "workflow",
      start_seq: 0,
      activity_name: "*",
      metadata_filters: { customer: "42", region: "eu", n: "1", deep: '{"a":[1]}' },
    });
    expect(accepted(query(StreamEventsQuery, "")).metadata_filters).toEqual({});
  });

  test("that are no JSON object are refused, like unknown event types and bad positions", () => {
    expect(places(query(StreamEventsQuery, "metadata_filters=[1]"))).toEqual(["query.metadata_filters value_error"]);
    expect(places(query(StreamEventsQuery, "metadata_filters={"))).toEqual(["query.metadata_filters value_error"]);
    expect(places(query(StreamEventsQuery, "workflow_event_types=TIMER_FIRED"))).toEqual([
      "query.workflow_event_types.0 enum",
    ]);
    expect(places(query(StreamEventsQuery, "start_seq=-1"))).toEqual(["query.start_seq greater_than_equal"]);
    expect(places(query(StreamEventsQuery, "last_event_id=abc"))).toEqual([
      "query.last_event_id string_pattern_mismatch",
    ]);
    expect(accepted(query(StreamEventsQuery, "last_event_id=41")).last_event_id).toBe(41);
  });
});

describe("schedules", () => {
  const minimal = { workflow_identifier: "w", schedule: { input: null } };

  test("must name one workflow, in one way", async () => {
    const schedule = { input: null };
    expect(places(await body(WorkflowScheduleRead, { schedule }))).toEqual(["body.workflow_identifier value_error"]);
    expect(places(await body(WorkflowScheduleRead, { ...minimal, workflow_version_id: "r" }))).toEqual([
      "body.workflow_identifier value_error",
    ]);
    expect(places(await body(WorkflowScheduleRead, { workflow_identifier: "w" }))).toEqual(["body.schedule missing"]);
  });

  test("pass their definition on as it is, for the rules of schedules to read", async () => {
    const schedule = { calendars: "x", unknown: 1 };
    expect(accepted(await body(WorkflowScheduleRead, { workflow_identifier: "w", schedule })).schedule).toEqual(
      schedule,
    );
  });
});

test("a schema wrapped in defaults and transforms parses a query like a bare one", () => {
  const wrapped = z
    .object({ n: z.int().default(1).nullish(), flags: z.array(z.string()).default([]), on: z.boolean().optional() })
    .transform((value) => ({ ...value, seen: true }));
  expect(accepted(query(wrapped, "n=3&flags=a&on=1"))).toEqual({ n: 3, flags: ["a"], on: true, seen: true });
});
