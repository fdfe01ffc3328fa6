import { randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import type { Task } from "../protocol/worker.ts";
import { decodeTaskBody, encodeTask, inflateTask, isTaskName } from "./task-message.ts";

const task = (input: string): Task => ({ kind: "query", execution: "x", query: "q", name: "n", input, expires_at: 1 });
const jsonOf = (body: string): unknown => {
  const decoded = decodeTaskBody(body);
  return decoded.kind === "json" ? JSON.parse(decoded.json) : decoded;
};

test("a short task travels as readable JSON", () => {
  const { body, stored } = encodeTask(task("short"));
  expect(JSON.parse(body)).toEqual(task("short"));
  expect(jsonOf(body)).toEqual(task("short"));
  expect(stored).toBeUndefined();
});

test("a long task travels compressed and reads back whole", () => {
  const long = task("again and again ".repeat(20_000));
  const { body, stored } = encodeTask(long);
  expect(body).toMatch(/^z/);
  expect(body.length).toBeLessThan(10_000);
  expect(stored).toBeUndefined();
  expect(jsonOf(body)).toEqual(long);
});

test("a task that exceeds a message is stored under the digest of its content, and the message holds that name", () => {
  const huge = task(randomBytes(1_000_000).toString("hex"));
  const { body, stored } = encodeTask(huge);
  expect(decodeTaskBody(body)).toEqual({ kind: "stored", name: stored!.name });
  expect(encodeTask(huge).stored!.name).toBe(stored!.name);
  expect(isTaskName(stored!.name)).toBe(true);
  expect(JSON.parse(inflateTask(stored!.content))).toEqual(huge);
});

test("a name that leads to another object is no task's name", () => {
  for (const name of ["", "../other", `../${"a".repeat(40)}`, "a".repeat(44)])
    expect(isTaskName(name), name).toBe(false);
});
