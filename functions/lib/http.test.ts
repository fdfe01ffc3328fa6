import { expect, test } from "vitest";
import type { ApiResponse } from "../../shared/api/http-message.ts";
import { fromRest, type RestEvent, restUrl, streamed, whole } from "./http.ts";

const context = { awsRequestId: "r", functionName: "f", getRemainingTimeInMillis: () => 60_000 };

const event = (domainName: string, path: string): RestEvent => ({
  httpMethod: "GET",
  path: "/health",
  headers: null,
  multiValueQueryStringParameters: null,
  body: null,
  isBase64Encoded: false,
  requestContext: { domainName, stage: "api", path },
});

test("the API's address contains the stage under AWS's host name, and not under a custom domain", () => {
  const aws = "abc123.execute-api.eu-west-1.amazonaws.com";
  expect(restUrl(event(aws, "/api/health"))).toBe(`https://${aws}/api`);
  expect(restUrl(event("workflows.example.com", "/health"))).toBe("https://workflows.example.com");
});

test("an answer that streams is never empty, because Lambda may hold one without a body open until its timeout", async () => {
  const bytes = async (answer: ApiResponse) => Buffer.concat(await Array.fromAsync(streamed(answer).body)).toString();
  expect(await bytes({ kind: "body", status: 200, headers: {}, body: "" })).toBe("\n");
  expect(await bytes({ kind: "body", status: 200, headers: {}, body: "{}" })).toBe("{}");
  async function* none(): AsyncGenerator<string> {}
  expect(
    await bytes({ kind: "stream", status: 200, headers: { "content-type": "text/event-stream" }, chunks: none() }),
  ).toBe(":\n\n");
});

test("a stream ends after the time that the setting gives it, long before its function's timeout", async () => {
  const { signal } = fromRest(event("example.com", "/x"), context, 5);
  await new Promise((resolve) => signal.addEventListener("abort", resolve));
  expect(signal.aborted).toBe(true);
});

test("a streaming function sends a document that the caller has already, because 304 has no body", () => {
  const headers = { "If-None-Match": '"x"', Accept: "application/json" };
  expect(whole(fromRest({ ...event("example.com", "/health"), headers }, context)).headers).toEqual({
    accept: "application/json",
  });
});
