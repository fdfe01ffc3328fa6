/** Temporal's workflow: n activities in sequence, local ones, as the steps of the other engines run in the worker's process. */
import { proxyLocalActivities } from "@temporalio/workflow";

const { step } = proxyLocalActivities({ startToCloseTimeout: "10s" });

export async function sequence(steps) {
  let sum = 0;
  for (let i = 0; i < steps; i++) sum += await step();
  return sum;
}
