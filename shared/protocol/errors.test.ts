import { describe, expect, test } from "vitest";
import * as z from "zod";
import * as errors from "./errors.ts";

const { toBody } = errors;

describe("bodies of refusals", () => {
  test("an ambiguous workflow answers its code and the names, sorted, and nothing else", () => {
    const refusal = errors.ambiguous("invoices", ["bob", "alice"]);
    expect(refusal.status).toBe(409);
    expect(toBody(refusal)).toEqual({ code: "AMBIGUOUS_WORKFLOW", deployments: ["alice", "bob"] });
  });

  test("the detail of a 422 is a list, with extra keys beside it", () => {
    const item = { loc: ["body", "event_id"], msg: "no decision was recorded there", type: "value_error" };
    expect(toBody(errors.invalid([item], { valid_reset_events: [4] }))).toEqual({
      detail: [item],
      code: "WF_1001",
      valid_reset_events: [4],
    });
    expect(toBody(errors.invalidSchedule([item]))).toEqual({ detail: [item], code: "WF_1200" });
    expect(toBody(errors.invalidAt(["query", "limit"], "too large"))).toEqual({
      detail: [{ loc: ["query", "limit"], msg: "too large", type: "value_error" }],
      code: "WF_1001",
    });
  });

  test("an expired wait is 408 and says that the execution goes on", () => {
    const refusal = errors.waitExpired("e1", 60);
    expect(refusal.status).toBe(408);
    expect(toBody(refusal)).toMatchObject({ code: "WF_1103", status: "RUNNING", execution_id: "e1" });
    expect(refusal.detail).toContain("do not start it again");
  });

  test.each([
    [errors.notFound("run", "r1", "It may have expired."), 404, "WF_1100"],
    [errors.notFound("schedule", "s1"), 404, "WF_1201"],
    [errors.alreadyStarted("e1", "RUNNING"), 409, "WF_1101"],
    [errors.notRunning("e1", "COMPLETED"), 409, "WF_1102"],
    [errors.executionFailed("e1", "TIMED_OUT"), 424, "EXECUTION_FAILED"],
    [errors.handlerFailed("query", "status", "e1", "boom"), 424, "HANDLER_FAILED"],
    [errors.noAnswer("query", "status", "e1", 60, { name: "alice", liveWorkers: 0, held: false }), 504, "WF_1103"],
    [errors.scheduleExists("s1"), 409, "WF_1200"],
    [errors.payloadTooLarge("input", 10, 11), 413, "PAYLOAD_TOO_LARGE"],
    [errors.notImplemented("Not yet."), 501, "NOT_IMPLEMENTED"],
    [errors.unauthorized("missing"), 401, "UNAUTHORIZED"],
    [errors.forbidden("This key only reads."), 403, "FORBIDDEN"],
    [errors.noRoute("GET", "/x"), 404, "NO_ROUTE"],
    [errors.noRoute("POST", "/v1/worker/register", "https://w.example.com"), 404, "NO_ROUTE"],
    [errors.unavailable("Starting.", 2), 503, "UNAVAILABLE"],
    [errors.internal(), 500, "WF_1000"],
  ])("%# is %i %s with a sentence", (refusal, status, code) => {
    expect(refusal).toMatchObject({ status, code });
    expect(toBody(refusal)).toMatchObject({ code, detail: expect.stringMatching(/^[A-Z].*\S/) });
    expect(errors.ErrorBody.safeParse(toBody(refusal)).success).toBe(true);
    expect(errors.isRefusal(refusal)).toBe(true);
  });

  test("messages name the id, the state that the server found, and the alternatives", () => {
    expect(errors.notRunning("e1", "FAILED").detail).toBe("Execution 'e1' is not running: it is FAILED.");
    expect(toBody(errors.notRunning("e1", "FAILED"))).toMatchObject({ status: "FAILED" });
    expect(errors.noSuchHandler("query", "stat", "invoices", ["status", "total"]).detail).toBe(
      "Workflow 'invoices' has no query 'stat'. It has 'status', 'total'.",
    );
    expect(errors.noSuchHandler("query", "stat", "invoices", []).detail).toContain("It has no queries at all.");
    expect(errors.noActiveDeployment("invoices", ["alice"]).detail).toContain("registered by 'alice'");
    expect(errors.noActiveDeployment("invoices", []).detail).toContain("no worker has registered");
    expect(errors.noAnswer("update", "u", "e", 60, { name: "a", liveWorkers: 2, held: false }).detail).toContain(
      "2 live workers",
    );
    expect(errors.noAnswer("update", "u", "e", 60, { name: "a", liveWorkers: 2, held: true }).detail).toContain(
      "An operator holds",
    );
  });

  test("a refusal carries the headers of its status", () => {
    expect(errors.methodNotAllowed("PUT", "/x", ["GET", "POST"]).headers).toEqual({ allow: "GET, POST" });
    expect(errors.unavailable("Starting.", 2).headers).toEqual({ "retry-after": "2" });
    expect(errors.unauthorized("unknown").headers).toEqual({ "www-authenticate": "Bearer" });
  });

  test("a result is not a refusal", () => {
    for (const value of [null, undefined, "refusal", {}, { kind: "other" }])
      expect(errors.isRefusal(value)).toBe(false);
  });
});

describe("the problems that a schema finds", () => {
  const schema = z.object({
    name: z.string().max(3),
    list: z.array(z.object({ n: z.int().min(3) })).max(2),
    word: z.enum(["x", "y"]),
    either: z.union([z.string(), z.object({ deep: z.int() })]),
    strict: z.strictObject({}),
    any: z.unknown(),
  });
  const detail = (value: unknown) => {
    const result = schema.safeParse(value, { reportInput: true });
    return result.success ? [] : errors.zodToDetail(result.error, "body");
  };

  test("have a place each, and a stable word", () => {
    const found = detail({ name: "long", list: [{ n: 1 }], word: "z", either: { deep: "s" }, strict: { a: 1, b: 2 } });
    expect(found.map(({ loc, type }) => [loc.join("."), type])).toEqual([
      ["body.name", "string_too_long"],
      ["body.list.0.n", "greater_than_equal"],
      ["body.word", "enum"],
      ["body.either.deep", "number_type"],
      ["body.strict.a", "extra_forbidden"],
      ["body.strict.b", "extra_forbidden"],
      ["body.any", "missing"],
    ]);
  });

  test("repeat a short value, and neither a long one nor an object", () => {
    const found = detail({ name: "s".repeat(1000), list: {}, word: "z", either: "", strict: {}, any: null });
    expect(found.map((item) => item.input)).toEqual([undefined, undefined, "z"]);
    expect(found.every((item) => !item.msg.includes("sss"))).toBe(true);
  });
});
