/**
 * What an API key may do. Every operation needs one right; this file alone says which.
 *
 * RIGHTS-1. A read needs `read`, everything else `operate`, unless the table below says otherwise: an operation that is
 *     added later never lets a key that may only read change something.
 * RIGHTS-2. `admin` has every right, and `operate` may also read. `work` is the path of the workers alone: such a key
 *     can neither start nor read an execution through the public API.
 * RIGHTS-3. A key that is limited to deployments changes nothing elsewhere and receives no tasks from elsewhere. An
 *     operation whose deployment the server cannot tell is refused to it.
 */
export const RIGHTS = ["read", "operate", "work", "admin"] as const;
export type Right = (typeof RIGHTS)[number];
export type Need = Right | "any";

const NEEDS: Readonly<Record<string, Need>> = {
  // POSTs that change nothing.
  queryWorkflowExecution: "read",
  previewSchedule: "read",
  previewReset: "read",
  // About the caller itself; workers ask it before they register.
  getWorkerInfo: "any",
  whoAmI: "any",
  listKeys: "admin",
  createKey: "admin",
  revokeKey: "admin",
  // It has the data of all workspaces.
  createBackup: "admin",
  // They say which keys may register.
  hardenDeployment: "admin",
  unhardenDeployment: "admin",
};

/** Operations whose deployment their handler checks, once it has chosen it. */
const CHOOSING = new Set([
  "executeWorkflow",
  "executeWorkflowRegistration",
  "scheduleWorkflow",
  "holdWork",
  "releaseHold",
]);

interface Row {
  readonly operation: string;
  readonly method: string;
  readonly path: string;
}

/** RIGHTS-1. */
export const needOf = ({ operation, method }: Row): Need => NEEDS[operation] ?? (method === "GET" ? "read" : "operate");

/** RIGHTS-2. */
export const mayDo = (rights: readonly Right[], need: Need): boolean =>
  need === "any" ||
  rights.includes("admin") ||
  rights.includes(need) ||
  (need === "read" && rights.includes("operate"));

/** What tells the deployment that an operation changes (RIGHTS-3). `none`: nothing does. */
export function scopeOf({ operation, path }: Row): "execution" | "schedule" | "chosen" | "none" {
  if (path.includes("{execution_id}")) return "execution";
  if (path.includes("{schedule_id}")) return "schedule";
  return CHOOSING.has(operation) ? "chosen" : "none";
}
