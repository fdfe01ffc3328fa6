import { runWorker } from "@sirocco/sdk";
import { charge, order } from "./order.ts";

// SIROCCO_URL, SIROCCO_API_KEY and DEPLOYMENT_NAME come from the environment; `npm run dev` sets them.
await runWorker({ workflows: [order], activities: [charge] });
