/** The contract suite on the AWS adapter over the emulator. Its time is real, so leases are short. */
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll } from "vitest";
import { contractSuite } from "../contract/suite.ts";
import { describeUnless } from "../support/describe-unless.ts";
import { cannotRun, type Installation, install } from "./account.ts";

let installation: Installation;

describeUnless(cannotRun)("on AWS", () => {
  beforeAll(async () => {
    installation = await install();
  });
  afterAll(() => installation?.end());

  contractSuite("aws", async () => ({
    ports: installation.adapter({ settings: { leaseMs: 1_000 } }),
    pass: (ms) => delay(ms) as Promise<void>,
  }));
});
