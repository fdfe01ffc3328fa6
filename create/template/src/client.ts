import { readFileSync } from "node:fs";
import { createClient } from "@sirocco/sdk/client";
import { approve, order } from "./order.ts";

// `npm run dev` has written its key into the folder .sirocco.
const client = createClient({
  url: process.env.SIROCCO_URL ?? "http://127.0.0.1:7411",
  apiKey: process.env.SIROCCO_API_KEY ?? readFileSync(".sirocco/key", "utf8").trim(),
});

const run = await client.start(order, { id: "A-1", cents: 1250 });
console.log(`started ${run.id}`);
await run.signal(approve, { by: "ada" });
console.log(await run.result());
