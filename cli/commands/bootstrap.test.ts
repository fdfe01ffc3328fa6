import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it, vi } from "vitest";
import { CliError } from "../errors.ts";
import type { Io } from "../io.ts";
import { bootstrap } from "./bootstrap.ts";

const io = { out: () => {}, err: () => {} } as unknown as Io;
const attempt = (flags: Record<string, string>): Promise<CliError> =>
  bootstrap.run([], { table: "Registry", ...flags } as never, io).then(
    () => Promise.reject(new Error("the command succeeded")),
    (error) => error as CliError,
  );

describe("bootstrap", () => {
  afterEach(() => vi.unstubAllEnvs());

  /** Removes all credentials and the region from the environment. */
  const bare = () => {
    for (const name of Object.keys(process.env)) if (name.startsWith("AWS_")) vi.stubEnv(name, undefined);
    vi.stubEnv("AWS_EC2_METADATA_DISABLED", "true");
    vi.stubEnv("HOME", "/nonexistent");
  };

  it("says that it needs an operator's credentials", async () => {
    bare();
    const error = await attempt({ region: "eu-west-1" });
    expect(error).toBeInstanceOf(CliError);
    expect(error).toMatchObject({ exit: 1, message: "No AWS credentials were found." });
    expect(error.advice[0]).toContain("AWS_PROFILE");
  });

  it("says that it needs a region", async () => {
    bare();
    vi.stubEnv("AWS_ACCESS_KEY_ID", "x");
    vi.stubEnv("AWS_SECRET_ACCESS_KEY", "x");
    expect(await attempt({})).toMatchObject({ exit: 1, message: "No AWS region is set." });
  });

  it("says where to find the name of the table, and reports other refusals of AWS", async () => {
    bare();
    let type = "com.amazonaws.dynamodb.v20120810#ResourceNotFoundException";
    const server = createServer((_request, response) => {
      response.writeHead(400, { "content-type": "application/x-amz-json-1.0" });
      response.end(JSON.stringify({ __type: type, message: "no" }));
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    try {
      vi.stubEnv("AWS_ENDPOINT_URL", `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
      vi.stubEnv("AWS_ACCESS_KEY_ID", "x");
      vi.stubEnv("AWS_SECRET_ACCESS_KEY", "x");
      const missing = await attempt({ region: "eu-west-1" });
      expect(missing.message).toBe("There is no table 'Registry' in this account and region.");
      expect(missing.advice[0]).toContain("RegistryTable");
      type = "com.amazon.coral.service#AccessDeniedException";
      const denied = await attempt({ region: "eu-west-1" });
      expect(denied.message).toBe("The table was not reached: AccessDeniedException: no");
    } finally {
      server.close();
      server.closeAllConnections();
    }
  });
});
