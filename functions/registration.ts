/** Workflows, registrations, deployments, workers; and what the installation says about itself. */
import { REGISTRATION } from "../shared/api/areas/registration.ts";
import { SYSTEM } from "../shared/api/areas/system.ts";
import { bufferedRest } from "./lib/rest.ts";

export const handler = bufferedRest([REGISTRATION, SYSTEM]);
