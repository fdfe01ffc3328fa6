/** The kinds of waits in the words of people, and those in which nothing is wrong. */

/** Kinds whose name is not what people call it. */
const WORDS: Readonly<Record<string, string>> = {
  on_hold: "release of a hold",
  no_live_worker: "a live worker",
  no_live_version: "a worker of its version",
  workflow_not_served: "a worker with the workflow",
  workflow_code_failing: "repaired code",
  quarantined: "repaired code",
  activity_not_served: "a worker with the activity",
  activity_backoff: "next attempt",
  activity_rate_limited: "rate limit",
  activity_queued: "a worker",
  activity_running: "activity",
  human_input: "a person",
  message: "a message",
  workflow_task: "next step",
};

export const waitWords = (kind: string): string => WORDS[kind] ?? kind.replaceAll("_", " ");

const CALM = new Set(["timer", "activity_running", "workflow_task", "child", "closed", "activity_queued"]);

/** Nothing is wrong: time, a worker or another execution brings it further. */
export const isCalm = (kind: string): boolean => CALM.has(kind);
