/**
 * A worker of the invoice pipeline. Any number of them may run:
 *
 *     npx sirocco dev                                         # in one terminal; copy its two lines into the others
 *     DEPLOYMENT_NAME=invoices WORKER_NAME=w1 npx node examples/invoices/worker.ts
 *     npx sirocco start process_invoice --input '{"file":"2026-0001.json"}' --wait
 */
import { mkdirSync } from "node:fs";
import { hostname } from "node:os";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { runWorker, type Resources as WorkerResources } from "@sirocco/sdk";
import { activities, type Resources } from "./activities.ts";
import { Ledger } from "./ledger.ts";
import { startServices } from "./services.ts";
import { processInvoice } from "./workflow.ts";

const { env } = process;
/** Ledger and outbox of all workers on this machine. */
const output = resolve(env.INVOICES_OUTPUT ?? ".demo/invoices");

await runWorker({
  workflows: [processInvoice],
  activities,
  resources: {
    inbox: { open: () => env.INVOICES_INBOX ?? fileURLToPath(new URL("./data", import.meta.url)) },
    outbox: { open: () => resolve(output, "outbox") },
    ledger: {
      open: () => {
        mkdirSync(output, { recursive: true });
        return new Ledger(resolve(output, "ledger.db"));
      },
      close: (ledger) => ledger.close(),
    },
    // Without an address this worker starts its own simulation of the external services.
    services: { open: async () => env.INVOICES_SERVICES_URL ?? (await startServices()).url },
    worker: { open: () => env.WORKER_NAME ?? hostname() },
  } satisfies WorkerResources<Resources>,
});
