/** Live workers: those with a heartbeat within the liveness window. A deployment with a live worker is active. */
import type { Ports, WorkerRecord } from "../ports.ts";

export function isLive(ports: Ports, worker: Pick<WorkerRecord, "heartbeatAt">): boolean {
  return ports.clock.now() - worker.heartbeatAt <= ports.settings.livenessMs;
}

/** Names of the active deployments of a workspace, or of those `among` which are active. */
export function activeDeployments(ports: Ports, workspace: string, among?: readonly string[]): Promise<Set<string>> {
  return ports.registry.active(workspace, ports.clock.now() - ports.settings.livenessMs, among);
}

/** Every live session, and the latest of each other name: several processes on one host have the same name. */
export function listedWorkers(ports: Ports, workspace: string, deployment?: string): Promise<WorkerRecord[]> {
  return ports.registry.workers(workspace, deployment, ports.clock.now() - ports.settings.livenessMs);
}

export async function liveWorkers(ports: Ports, workspace: string, deployment: string): Promise<number> {
  const workers = await listedWorkers(ports, workspace, deployment);
  return workers.filter((worker) => isLive(ports, worker)).length;
}
