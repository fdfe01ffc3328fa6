import { expect, test } from "vitest";
import { type RestEvent, restUrl } from "./http.ts";

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
