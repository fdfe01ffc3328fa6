import { runWorker } from "@sirocco/sdk";
import { report, send } from "./workflows.ts";

await runWorker({ workflows: [report], activities: [send] });
