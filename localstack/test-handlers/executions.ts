import middy from "@middy/core";
import { executionModeStreamifyResponse } from "@middy/core/StreamifyResponse";
import { json, type RestEvent } from "./probe.ts";

export const handler = middy<RestEvent>({ executionMode: executionModeStreamifyResponse }).handler(
  async ({ httpMethod, path, body }: RestEvent) =>
    json(200, { function: "executions", method: httpMethod, path, body }),
);
