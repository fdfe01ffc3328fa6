export const WORKER_PREFIX = "/v1/worker/";

export const isWorkerPath = (target: string): boolean => target.startsWith(WORKER_PREFIX);
