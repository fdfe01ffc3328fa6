import { runWorker } from "@sirocco/sdk";
import { charge, payment } from "./workflows.ts";

await runWorker({ workflows: [payment], activities: [charge] });
