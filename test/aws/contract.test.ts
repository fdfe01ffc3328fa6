/** The contract, word for word, on the AWS adapter over the emulator. Time here is real: leases are short. */
import { setTimeout as delay } from "node:timers/promises";
import { describe } from "vitest";
import { contractSuite } from "../contract/suite.ts";
import { cannotRun, install } from "./account.ts";

describe.skipIf(cannotRun)("AWS", () => {
  contractSuite("aws", async () => {
    const installation = await install();
    const ports = installation.adapter({ settings: { leaseMs: 2_000 } });
    return { ports, pass: (ms) => delay(ms) as Promise<void>, end: () => installation.end() };
  });
});
