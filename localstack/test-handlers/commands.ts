import { json, type RestEvent } from "./probe.ts";

export const handler = async ({ httpMethod, path }: RestEvent) =>
  httpMethod === "HEAD" ? { ...json(200, {}), body: "" } : json(200, { function: "commands", path });
