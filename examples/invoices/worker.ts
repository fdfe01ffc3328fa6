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
import { runWorker } from "@sirocco/sdk";
import { activities, type Resources } from "./activities.ts";
import { Ledger } from "./ledger.ts";
import { startServices } from "./services.ts";
import { processInvoice } from "./workflow.ts";

const { env } = process;
/** Ledger and outbox of all workers on this machine. */
const output = resolve(env.INVOICES_OUTPUT ?? ".demo/invoices");

async function openResources(): Promise<Resources> {
  mkdirSync(output, { recursive: true });
  return {
    inbox: env.INVOICES_INBOX ?? fileURLToPath(new URL("./data", import.meta.url)),
    outbox: resolve(output, "outbox"),
    ledger: new Ledger(resolve(output, "ledger.db")),
    // Without an address this worker starts its own simulation of the external services.
    services: env.INVOICES_SERVICES_URL ?? (await startServices()).url,
    worker: env.WORKER_NAME ?? hostname(),
  };
}

await runWorker({
  workflows: [processInvoice],
  activities,
  resources: openResources,
  closeResources: ({ ledger }) => ledger.close(),
});
