import { execFile } from "node:child_process";
import path from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { explained, Refused } from "./script.ts";

/** What a script says on a machine that knows nothing of AWS. */
async function said(script: string, env: Record<string, string> = {}): Promise<string> {
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
  it.each(["destroy.ts", "queues.ts"])("end with a sentence where AWS is not set up: %s", async (script) => {
    expect(await said(script)).toMatch(/^No AWS region is set: [^\n]*AWS_REGION[^\n]*$/);
    expect(await said(script, { AWS_REGION: "eu-west-1" })).toMatch(
      /^No AWS credentials were found [^\n]*AWS_PROFILE[^\n]*$/,
    );
  });

  it("tell what AWS refused, and hide nothing that nobody foresaw", () => {
    const denied = Object.assign(new Error("not authorized"), { name: "AccessDenied", $fault: "client" });
    expect(explained(denied)).toBe("AWS refused: AccessDenied: not authorized");
    expect(explained(new Refused("no such stack"))).toBe("no such stack");
    expect(explained(new TypeError("x is not a function"))).toBeUndefined();
  });
});
