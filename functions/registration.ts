/** Workflows, registrations, deployments, workers; the health check and the OpenAPI document. */
import { REGISTRATION } from "../shared/api/areas/registration.ts";
import { SYSTEM } from "../shared/api/areas/system.ts";
import { bufferedRest } from "./lib/http.ts";
import { initialize } from "./lib/initialize.ts";

export const handler = bufferedRest([REGISTRATION, SYSTEM]);

await initialize(() => import("../shared/aws/deployments.ts"));
