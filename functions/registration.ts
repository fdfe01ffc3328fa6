/** Workflows, registrations, deployments, workers, runs; and what the installation says about itself. */
import { bufferedRest } from "./lib/rest.ts";

export const handler = bufferedRest();
