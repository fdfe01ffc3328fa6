import { runWorker } from "@sirocco/sdk";
import { extract, list, load, nightly, partition } from "./workflows.ts";

await runWorker({ workflows: [partition, nightly], activities: [list, extract, load] });
