/** An application with DBOS in it, which starts a workflow for each HTTP request. Its packages are installed beside it. */
import { DBOS } from "@dbos-inc/dbos-sdk";
import { serve } from "../serve.mjs";

const sequence = DBOS.registerWorkflow(
  async (steps) => {
    let sum = 0;
    for (let i = 0; i < steps; i++) sum += await DBOS.runStep(async () => 1, { name: `step ${i}` });
    return sum;
  },
  { name: "sequence" },
);
DBOS.setConfig({
  name: "bench",
  systemDatabaseUrl: process.env.DATABASE,
  systemDatabasePoolSize: 20,
  logLevel: "error",
  runAdminServer: false,
});
await DBOS.launch();

serve(sequence);
