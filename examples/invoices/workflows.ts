/**
 * A worker of the workflow alone. Its activities run in other workers of the deployment, such as those of `python/worker.py`: the
 * workflow calls them by name.
 */
import { runWorker } from "@sirocco/sdk";
import { processInvoice } from "./workflow.ts";

await runWorker({ workflows: [processInvoice] });
