import { expect, test } from "vitest";
import { FEW, FeedMemory } from "./feed-memory.ts";

test("the highest position of a run stands for those below it, and a progress report for itself", () => {
  const memory = new FeedMemory(0);
  memory.learn("run-1#1", 10);
  memory.learn("run-1#7", 20);
  memory.learn("PROGRESS#run-1#publish#a", 20);
  expect(["run-1#1", "run-1#5", "run-1#7"].every((source) => memory.has(source))).toBe(true);
  expect(memory.has("run-1#8")).toBe(false);
  expect(memory.has("run-2#1")).toBe(false);
  expect(memory.has("PROGRESS#run-1#publish#a")).toBe(true);
  expect(memory.has("PROGRESS#run-1#publish#b")).toBe(false);
  expect(memory.size).toBe(2);
});

test("a report named like a position is no position", () => {
  const memory = new FeedMemory(0);
  memory.learn("PROGRESS#run-1#5", 10);
  expect(memory.has("PROGRESS#run-1#4")).toBe(false);
});

test("forgets by the time of the append, and what a slower shard needs stays", () => {
  const memory = new FeedMemory(0);
  for (let i = 0; i < 2 * FEW; i++) memory.learn(`run-${i}#1`, i);
  memory.forget(500, Number.POSITIVE_INFINITY);
  memory.forget(1_500, Number.POSITIVE_INFINITY);
  expect(memory.has("run-499#1")).toBe(false);
  expect(memory.has("run-500#1")).toBe(true);
  expect(memory.since).toBe(500);
});

test("above its bound it forgets the oldest and does not ask for a new reading", () => {
  const memory = new FeedMemory(0);
  for (let i = 0; i < 3 * FEW; i++) memory.learn(`run-${i}#1`, i);
  memory.forget(0, 2 * FEW);
  expect(memory.size).toBe(2 * FEW);
  expect(memory.has(`run-${FEW - 1}#1`)).toBe(false);
  expect(memory.has(`run-${FEW}#1`)).toBe(true);
  expect(memory.since).toBe(0);
});
