import { describe, expect, test } from "vitest";
import {
  ActivityName,
  DeploymentName,
  ExecutionId,
  HandlerName,
  idProblem,
  MessageId,
  RESERVED_WORKFLOW_NAMES,
  RunId,
  ScheduleId,
  WorkerName,
  WorkflowName,
} from "./ids.ts";
import { messageId } from "./messages.ts";

describe("ids and names", () => {
  test.each([
    [ExecutionId, "a"],
    [ExecutionId, "x".repeat(256)],
    [ExecutionId, "-_A9"],
    [WorkflowName, "invoice_processor"],
    [WorkflowName, "Archive"],
    [DeploymentName, "alice-2"],
    [RunId, "0198c0de-0000-7000-8000-000000000001"],
    [WorkerName, "host.example.org (2)"],
    [ScheduleId, "nightly"],
    [ActivityName, "send_mail"],
    [ActivityName, "eval task: translate"],
    [ActivityName, "shop.payments.charge"],
    [HandlerName, "set address, please"],
    [MessageId, messageId.signal("0198c0de-0000-7000-8000-000000000001")],
    [MessageId, messageId.activity("0198c0de-0000-7000-8000-000000000001", 51_200, 1_000)],
    [MessageId, messageId.cancel("0198c0de-0000-7000-8000-000000000001-7-closed")],
    [MessageId, messageId.cancel(`schedule:${"s".repeat(232)}:1800000000000:${"x".repeat(256)}:cancel`)],
  ])("number %# is accepted as it is", (schema, text) => {
    expect(idProblem(schema, text)).toBeUndefined();
  });

  test.each([
    [ExecutionId, "", '"" cannot be an execution id: use 1 to 256 letters, digits, "-" or "_"'],
    [ExecutionId, "a b", '"a b" cannot be an execution id: use 1 to 256 letters, digits, "-" or "_"'],
    [ExecutionId, "tail\n", '"tail\\n" cannot be an execution id: use 1 to 256 letters, digits, "-" or "_"'],
    [DeploymentName, "eu.west", '"eu.west" cannot be a deployment name: use 1 to 128 letters, digits, "-" or "_"'],
    [WorkflowName, "runs", '"runs" cannot be a workflow name: it is a word of the API\'s own paths'],
    [RunId, "17", '"17" is not a run id: a UUID is wanted'],
    [MessageId, "signal#a/../b", '"signal#a/../b" is not a message id: one that the server has sent is wanted'],
    [HandlerName, "", "a signal, query or update needs a name"],
    [ActivityName, "a\nb", '"a\\nb" cannot be an activity name: it is blank or holds control characters'],
    [ActivityName, "x".repeat(129), `"${"x".repeat(80)}" cannot be an activity name: at most 128 characters`],
    [WorkerName, "  ", '"  " cannot be a worker name: it is blank or holds control characters'],
    [WorkerName, "a\u0007b", '"a\\u0007b" cannot be a worker name: it is blank or holds control characters'],
  ])("number %# is refused with what is allowed", (schema, text, problem) => {
    expect(idProblem(schema, text)).toBe(problem);
  });

  test("one character over the limit is refused, and a huge one is not repeated in full", () => {
    expect(idProblem(ExecutionId, "x".repeat(257))).toContain("use 1 to 256");
    expect(idProblem(WorkflowName, "x".repeat(129))).toContain("use 1 to 128");
    expect(idProblem(ExecutionId, "x".repeat(1_000_000))?.length).toBeLessThan(200);
  });

  test("no reserved word is a name or an id", () => {
    for (const word of RESERVED_WORKFLOW_NAMES) expect(idProblem(WorkflowName, word)).toContain("own paths");
    expect(idProblem(ExecutionId, "cancel")).toBe(
      `"cancel" cannot be an execution id: it is a word of the API's own paths`,
    );
    expect(idProblem(ScheduleId, "preview")).toContain("own paths");
    expect(idProblem(ExecutionId, "cancel-7")).toBeUndefined();
  });
});
