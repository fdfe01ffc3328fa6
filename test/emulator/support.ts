// For all tests that use the emulator.
import { setTimeout as delay } from "node:timers/promises";
import { freePort, startEmulator, stopEmulator } from "../../localstack/emulator.ts";
import { whyNoEmulator } from "../../localstack/python.ts";

/**
 * Why these tests cannot run on this machine, undefined = they can. Only developers' machines skip them: where `CI` is
 * set they run and fail with this reason, so that a CI machine without Python does not pass untested code.
 */
export const cannotRun: string | undefined = process.env.CI ? undefined : await whyNoEmulator();

export interface TestAccount {
  readonly endpoint: string;
  readonly region: string;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
  stop(): Promise<void>;
}

/** The root of an account in the emulator. */
export const ROOT = { region: "us-east-1", credentials: { accessKeyId: "test", secretAccessKey: "test" } };

/** A blank AWS account: a new emulator on a free port, which ends with the test process. Its sweeper runs each second. */
export async function blankAccount(): Promise<TestAccount> {
  const { port, endpoint } = await startEmulator({ port: await freePort(), endWithCaller: true, ruleMinuteSeconds: 1 });
  return {
    endpoint,
    ...ROOT,
    stop: async () => void (await stopEmulator(port)),
  };
}

/**
 * Repeats `ask` until it answers a value, for conditions that another process brings about. It counts by a clock that no test moves.
 * @throws Error naming the condition, after `withinMs`.
 */
export async function eventually<T>(what: string, ask: () => Promise<T | undefined>, withinMs = 15_000): Promise<T> {
  for (const deadline = performance.now() + withinMs; performance.now() < deadline; await delay(50)) {
    const answer = await ask();
    if (answer !== undefined) return answer;
  }
  throw new Error(`${what}: not within ${withinMs} ms`);
}
