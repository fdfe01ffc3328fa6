/** The port's contract, word for word, on the AWS adapter over the emulator. */
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe } from "vitest";
import { cannotRun, type Installation, install } from "../aws/account.ts";
import { schedulesContract } from "./contract.ts";

let installation: Installation;

describe.skipIf(cannotRun)("on AWS", () => {
  beforeAll(async () => {
    installation = await install({ feed: false });
  });
  afterAll(() => installation?.end());

  schedulesContract("aws", async () => ({
    ports: installation.adapter(),
    pass: (ms) => delay(ms) as Promise<void>,
  }));
});
