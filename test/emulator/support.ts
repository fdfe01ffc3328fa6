// What the tests against the emulator share.
import { setTimeout as delay } from "node:timers/promises";
import { freePort, startEmulator, stopEmulator } from "../../localstack/emulator.ts";
import { whyNoEmulator } from "../../localstack/python.ts";

/**
 * Why these tests cannot run here, or nothing. Skipping is for developers' machines: where `CI` is set the tests run
 * and fail with this sentence, so that a machine without Python never passes for one that has tested everything.
 */
export const cannotRun: string | undefined = process.env.CI ? undefined : await whyNoEmulator();
if (cannotRun) console.warn(`Skipping what needs the AWS emulator. ${cannotRun}`);

export interface TestAccount {
  readonly endpoint: string;
  readonly region: string;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
  stop(): Promise<void>;
}

/** A blank AWS account: an emulator of one's own on a free port, which ends with the test process at the latest. Its sweeper runs each second. */
export async function blankAccount(): Promise<TestAccount> {
  const { port, endpoint } = await startEmulator({ port: await freePort(), endWithCaller: true, ruleMinuteSeconds: 1 });
  return {
    endpoint,
    region: "us-east-1",
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
    stop: async () => void (await stopEmulator(port)),
  };
}

/**
 * Asks again and again until the answer is something, for what another process does in its own time.
 * @throws Error saying what was awaited, after `withinMs`.
 */
export async function eventually<T>(what: string, ask: () => Promise<T | undefined>, withinMs = 15_000): Promise<T> {
  for (const deadline = Date.now() + withinMs; Date.now() < deadline; await delay(50)) {
    const answer = await ask();
    if (answer !== undefined) return answer;
  }
  throw new Error(`${what}: not within ${withinMs} ms`);
}
