import { runWorker } from "@sirocco/sdk";
import { approval, remind } from "./workflows.ts";

await runWorker({ workflows: [approval], activities: [remind] });
