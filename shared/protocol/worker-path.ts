/** Where the calls of workers are. In a file of its own: who asks need not load their schemas. */
export const WORKER_PATH = "/v1/worker/";

export const isWorkerPath = (target: string): boolean => target.startsWith(WORKER_PATH);
