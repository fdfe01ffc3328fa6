/** Rate limits and sticky sessions of the official Python SDK, on either engine, with two workers of `workers/limits.py`. */
import { expect } from "vitest";
import { call, type Place, run, start } from "./surface-checks.ts";

/** Of five calls with two in two seconds the last begins after four. */
export async function checkRateLimit(at: Place): Promise<void> {
  const began = Date.now();
  expect(await run(at, "limited", {})).toEqual(["COMPLETED", { result: [0, 1, 2, 3, 4] }]);
  expect(Date.now() - began).toBeGreaterThanOrEqual(4_000);
}

/** The activities of each session run in one process. */
export async function checkStickySessions(at: Place): Promise<void> {
  for (const name of ["a", "b", "c"]) {
    const [status, result] = await run(at, "sticky", { name });
    expect(status).toBe("COMPLETED");
    const { load, use } = (result as { result: { load: string; use: string } }).result;
    expect(use).toBe(`${load} True`);
  }
}

/** A sticky activity without a session is a bug, in the SDK's own words. */
export async function checkWithoutSession(at: Place): Promise<void> {
  const id = await start(at, "without_session", {});
  const why = async () => (await call(at, "GET", `/executions/${id}/explain`)).body.summary;
  await expect.poll(why, { timeout: 30_000 }).toContain("Please call this activity inside `run_sticky_worker_session`");
}
