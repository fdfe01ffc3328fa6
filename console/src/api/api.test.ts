import { expect, test } from "vitest";
import { apiBase } from "./address.ts";
import { failureOf } from "./failure.ts";
import { readJson, writeJson } from "./json.ts";

test.each([
  ["http://127.0.0.1:7411/console/", "http://127.0.0.1:7411/"],
  ["https://ops.example.com/x/y/console/index.html#/executions", "https://ops.example.com/x/y/"],
  ["https://ops.example.com/", "https://ops.example.com/"],
  ["https://ops.example.com/x/", "https://ops.example.com/x/"],
])("the API of the console at %s is at %s", (page, base) => {
  expect(apiBase(page)).toBe(base);
});

test.each([
  "3544790567247868102",
  "0.23456789012345678",
  "1e400",
  "-0.1",
  "[1,2.50]",
  '{"a":{"b":9007199254740993}}',
])("the number in %s keeps its digits", (text) => {
  expect(writeJson(readJson(text))).toBe(text === "[1,2.50]" ? "[1,2.5]" : text);
});

test("a refusal keeps the server's words, and names the places of a 422", () => {
  expect(failureOf(409, '{"detail":"Several deployments serve it.","code":"AMBIGUOUS_WORKFLOW"}')).toMatchObject({
    status: 409,
    message: "Several deployments serve it.",
    code: "AMBIGUOUS_WORKFLOW",
  });
  const items = { detail: [{ loc: ["body", "input", "n"], msg: "a number is wanted", type: "type" }] };
  expect(failureOf(422, JSON.stringify(items)).message).toBe("input.n: a number is wanted");
  expect(failureOf(502, "<html>").message).toContain("502");
});
