/**
 * The kinds of waits, in one table: the more a kind stops the execution, the earlier it stands, and the summary begins with
 * the first wait in this order. `actor` says who must act for the wait to end.
 */
export const WAIT_KINDS = {
  closed: { actor: "nobody", means: "The execution has ended." },
  on_hold: { actor: "operator", means: "An operator keeps the execution from workers." },
  no_live_worker: { actor: "operator", means: "No worker of the deployment is live." },
  no_live_version: {
    actor: "operator",
    means: "The execution is pinned to a version of the code of which no worker is live.",
  },
  workflow_not_served: { actor: "operator", means: "Live workers of the deployment lack the workflow." },
  quarantined: {
    actor: "developer",
    means: "The workflow code harmed its worker and is kept from workers for a while.",
  },
  workflow_code_failing: { actor: "developer", means: "The workflow code throws, or no longer does what it recorded." },
  continue_as_new_loop: { actor: "developer", means: "The execution continues as new again and again at once." },
  held: { actor: "time", means: "The server lets the next run begin later." },
  activity_not_served: { actor: "operator", means: "Live workers of the deployment lack the activity." },
  activity_worker_lost: { actor: "worker", means: "The worker that ran the attempt sends no heartbeats any more." },
  human_input: { actor: "person", means: "Workflow code asked a person." },
  activity_backoff: { actor: "time", means: "An attempt failed, and the next one is due at a known time." },
  activity_rate_limited: { actor: "time", means: "The activity waits until its rate limit lets it begin." },
  activity_queued: { actor: "worker", means: "The activity lies in the queue, or a worker has just taken it." },
  activity_running: { actor: "worker", means: "A worker runs an attempt." },
  child: { actor: "child", means: "Another execution, which this one started, is running." },
  message: { actor: "caller", means: "Nothing but a signal or an update can bring the execution further." },
  condition: { actor: "developer", means: "Nothing that is open can bring the execution further." },
  timer: { actor: "time", means: "A timer is running." },
  workflow_task: { actor: "worker", means: "A worker is to run the next step of the workflow code, or runs it now." },
  cancelling: { actor: "developer", means: "Cancellation was requested, and the workflow code has not ended yet." },
  schedule_paused: { actor: "operator", means: "The schedule that started the execution is paused." },
} as const;

/** The same for schedules. */
export const SCHEDULE_KINDS = {
  unreadable: { actor: "operator", means: "The stored schedule cannot be read." },
  schedule_paused: { actor: "operator", means: "The schedule is paused." },
  exhausted: { actor: "operator", means: "The schedule has started as many executions as it may." },
  no_more_times: { actor: "operator", means: "The rule has no further times." },
  no_live_worker: { actor: "operator", means: "No worker of the deployment is live, so no start can succeed." },
  route_refused: { actor: "operator", means: "No deployment, or not the wanted one, serves the workflow." },
  start_pending: { actor: "worker", means: "A start is decided and not confirmed: it is tried again." },
  start_refused: { actor: "operator", means: "The last start was refused." },
  overlap: { actor: "child", means: "Starts wait for, or are skipped because of, an execution that runs." },
  due: { actor: "time", means: "The schedule starts the next execution at a known time." },
} as const;
export type ScheduleKind = keyof typeof SCHEDULE_KINDS;

export type WaitKind = keyof typeof WAIT_KINDS;
export type Actor = (typeof WAIT_KINDS)[WaitKind]["actor"];

const ORDER = Object.keys(WAIT_KINDS) as WaitKind[];
export const rankOf = (kind: WaitKind): number => ORDER.indexOf(kind);
