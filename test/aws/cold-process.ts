/** A process of a function, as Lambda starts it: loads the bundle, then answers each event that its parent sends. */
import { registerHooks } from "node:module";
import { basename } from "node:path";
import "../../localstack/lambda-runtime.cjs";

/** The files of the bundle that were loaded since the last message to the parent. */
let loads: string[] = [];
registerHooks({
  load(url, context, next) {
    if (url.endsWith(".mjs")) loads.push(basename(url));
    return next(url, context);
  },
});
function tell(message: object): void {
  process.send!({ ...message, loads });
  loads = [];
}

const { handler } = (await import(process.argv[2]!)) as {
  handler: (event: unknown, context: object) => Promise<unknown>;
};
tell({ kind: "ready" });
process.on("message", async (event) => {
  const context = { awsRequestId: "1", functionName: "f", getRemainingTimeInMillis: () => 29_000 };
  const answer = await handler(event, context).catch((error: Error) => ({ statusCode: 0, body: String(error.stack) }));
  // A function that streams answers its metadata, eight zero bytes and the body.
  const [metadata = "", body = ""] = typeof answer === "string" ? answer.split("\0".repeat(8)) : [];
  tell({ kind: "answered", ...(typeof answer === "string" ? { ...JSON.parse(metadata), body } : (answer as object)) });
});
