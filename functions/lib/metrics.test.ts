import { expect, test } from "vitest";
import { Meter } from "../../shared/aws/meter.ts";
import { LineDue, metricsLine } from "./metrics.ts";

const source = { namespace: "Sirocco", service: "shop", function: "shop-worker" };

test("the usage of an invocation is one line that declares each metric with its unit and gives its value", () => {
  const meter = new Meter();
  meter.add("PutItem", { dynamo: 1, writeUnits: 1.5 });
  meter.add("SendMessage", { sqs: 2 });
  meter.count({ requests: 1, steps: 3 });
  const line = metricsLine(source, meter.take(), 1_700_000_000_000)!;
  expect(line).not.toContain("\n");
  const { _aws, ...values } = JSON.parse(line);
  expect(_aws).toEqual({
    Timestamp: 1_700_000_000_000,
    CloudWatchMetrics: [
      {
        Namespace: "Sirocco",
        Dimensions: [["service"]],
        Metrics: ["Requests", "Steps", "WriteUnits", "DynamoDBCalls", "SqsRequests"].map((Name) => ({
          Name,
          Unit: "Count",
        })),
      },
    ],
  });
  expect(values).toEqual({
    service: "shop",
    function: "shop-worker",
    Requests: 1,
    Steps: 3,
    WriteUnits: 1.5,
    DynamoDBCalls: 1,
    SqsRequests: 2,
  });
});

test("an invocation without usage writes no line", () => {
  expect(metricsLine(source, new Meter().take(), 0)).toBeNull();
});

test("a busy process writes a line in every 50 invocations, a quiet one in every 10 s at most", () => {
  const busy = new LineDue();
  const lines = (times: readonly number[]) => times.filter((now) => busy.after(now));
  expect(lines(Array.from({ length: 1_001 }, (_, i) => i))).toEqual(Array.from({ length: 21 }, (_, i) => i * 50));
  expect(lines([11_000, 12_000, 20_999, 21_000, 35_000])).toEqual([11_000, 21_000, 35_000]);
});
