import { testEnvironment } from "@sirocco/sdk/testing";
import { expect, test } from "vitest";
import { report, scheduleOf, send } from "./workflows.ts";

test("each tenant's report starts by the tenant's clock, and one tenant's pause concerns no other", async () => {
  await using env = await testEnvironment({ workflows: [report], activities: [send] });
  const sent: string[] = [];
  env.stub(send, async ({ tenant }) => {
    sent.push(tenant);
  });
  const berlin = await env.schedules.create(report, scheduleOf({ tenant: "acme", zone: "Europe/Berlin", hour: 9 }));
  const tokyo = await env.schedules.create(report, scheduleOf({ tenant: "hana", zone: "Asia/Tokyo", hour: 9 }));
  await env.advance("2 days"); // 1 and 2 January 2026 are a Thursday and a Friday
  expect(sent.toSorted()).toEqual(["acme", "acme", "hana"]);
  const [first] = await berlin.starts();
  expect(first!.at.toISOString()).toMatch(/^2026-01-01T08:0/);
  await tokyo.pause("moved to another plan");
  await env.advance("5 days");
  expect(sent.filter((tenant) => tenant === "hana")).toHaveLength(1);
  expect(sent.filter((tenant) => tenant === "acme").length).toBeGreaterThan(3);
});

test("a repeated sign-up is refused by the schedule's id", async () => {
  await using env = await testEnvironment({ workflows: [report], activities: [send] });
  const mine = scheduleOf({ tenant: "acme", zone: "Europe/Berlin", hour: 9 });
  await env.schedules.create(report, mine);
  await expect(env.schedules.create(report, mine)).rejects.toMatchObject({ status: 409 });
});
