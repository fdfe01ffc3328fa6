import { runWorker } from "@sirocco/sdk";
import { ask, poller, take } from "./workflows.ts";

await runWorker({ workflows: [poller], activities: [ask, take] });
