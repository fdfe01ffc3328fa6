/** A saga: each step that succeeded has a compensation, and a failure runs them in the reverse order. */
import { activity, uncancelled, WorkflowError, workflow } from "@sirocco/sdk";
import * as z from "zod";

const Trip = z.object({ trip: z.string() });
const step = (name: string) =>
  activity({ name, input: Trip, output: z.string(), retry: { maxAttempts: 3, first: "1s" } }, ({ trip }, ctx) => {
    // Here goes the call of the other service, with `ctx.idempotencyKey`, so that a repeated one books nothing twice.
    return `${name}/${trip}/${ctx.attempt}`;
  });

export const bookHotel = step("book-hotel");
export const cancelHotel = step("cancel-hotel");
export const bookFlight = step("book-flight");
export const cancelFlight = step("cancel-flight");
export const pay = step("pay");

export class TripFailed extends WorkflowError {}

export const trip = workflow(
  { name: "trip", input: Trip, output: z.object({ booked: z.array(z.string()) }), timeout: "1 day" },
  async (input) => {
    const compensations: (() => Promise<unknown>)[] = [];
    try {
      const booked = [await bookHotel(input)];
      compensations.push(() => cancelHotel(input));
      booked.push(await bookFlight(input));
      compensations.push(() => cancelFlight(input));
      booked.push(await pay(input));
      return { booked };
    } catch (cause) {
      // Also when the execution is cancelled: what is booked must be given back.
      await uncancelled(async () => {
        for (const compensate of compensations.toReversed()) await compensate();
      });
      throw new TripFailed(`trip ${input.trip} is not booked`, {
        cause,
        details: { given_back: compensations.length },
      });
    }
  },
);
