import { runWorker } from "@sirocco/sdk";
import { agent, think, useTool } from "./workflows.ts";

await runWorker({ workflows: [agent], activities: [think, useTool] });
