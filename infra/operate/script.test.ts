import { execFile } from "node:child_process";
import path from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { explained, Refused } from "./script.ts";

/** The error output of a script on a machine without AWS settings. */
async function errorOf(script: string, env: Record<string, string> = {}): Promise<string> {
  const bare = { PATH: process.env.PATH, HOME: "/nonexistent", AWS_EC2_METADATA_DISABLED: "true", ...env };
  const running = promisify(execFile)(process.execPath, [path.join(import.meta.dirname, script)], { env: bare });
  const { code, stderr } = await running.then(
    () => ({ code: 0, stderr: "" }),
    (error: { code: number; stderr: string }) => error,
  );
  expect(code).toBe(1);
  return stderr.trim();
}

describe("scripts for operators", () => {
  it.each(["destroy.ts", "queues.ts"])("say which AWS setting is missing: %s", async (script) => {
    expect(await errorOf(script)).toMatch(/^No AWS region is set: [^\n]*AWS_REGION[^\n]*$/);
    expect(await errorOf(script, { AWS_REGION: "eu-west-1" })).toMatch(
      /^No AWS credentials were found [^\n]*AWS_PROFILE[^\n]*$/,
    );
  });

  it("report what AWS refused, and keep the stack trace of an unexpected error", () => {
    const denied = Object.assign(new Error("not authorized"), { name: "AccessDenied", $fault: "client" });
    expect(explained(denied)).toBe("AWS refused: AccessDenied: not authorized");
    expect(explained(new Refused("no such stack"))).toBe("no such stack");
    expect(explained(new TypeError("x is not a function"))).toBeUndefined();
  });
});
