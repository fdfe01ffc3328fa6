/** The built-in activity by which a worker offers its session to `onOneWorker`: its result names the session. */
import { builtInActivity } from "../activity.ts";
import { SESSION_ACTIVITY, SESSION_OPTIONS } from "../runtime/session.ts";
import type { WorkerContext } from "./types.ts";

export function withSessions(worker: WorkerContext): WorkerContext {
  const { activities, session, sessionsOffered } = worker;
  if (!(sessionsOffered ?? [...activities.values()].some(({ sticky }) => sticky))) return worker;
  const offer = builtInActivity(SESSION_ACTIVITY, SESSION_OPTIONS, () => ({ session }));
  return { ...worker, activities: new Map([...activities, [offer.name, offer]]) };
}
