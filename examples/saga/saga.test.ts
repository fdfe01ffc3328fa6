import { testEnvironment } from "@sirocco/sdk/testing";
import { expect, test } from "vitest";
import { bookFlight, bookHotel, cancelFlight, cancelHotel, pay, trip } from "./workflows.ts";

const options = { workflows: [trip], activities: [bookHotel, cancelHotel, bookFlight, cancelFlight, pay] };

test("a trip is booked, though each service fails once", async () => {
  await using env = await testEnvironment(options);
  for (const step of [bookHotel, bookFlight, pay]) env.failNext(step, new Error("busy"));
  const run = await env.start(trip, { trip: "T-1" });
  expect((await run.result()).booked).toHaveLength(3);
  expect([env.attempts(cancelHotel), env.attempts(cancelFlight)]).toEqual([0, 0]);
});

test("a payment that fails for good gives back the flight, then the hotel", async () => {
  await using env = await testEnvironment(options);
  const undone: string[] = [];
  env.stub(cancelFlight, async () => `${undone.push("flight")}`);
  env.stub(cancelHotel, async () => `${undone.push("hotel")}`);
  env.failNext(pay, new Error("no money"), 3);
  const run = await env.start(trip, { trip: "T-2" });
  await expect(run.result()).rejects.toThrow("trip T-2 is not booked");
  expect(undone).toEqual(["flight", "hotel"]);
});
