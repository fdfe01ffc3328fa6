/** `onOneWorker`: sticky activities that run on one worker, one after another or together. */
import { commandFrame, runIn } from "../runtime/frame.ts";
import { SESSION_ACTIVITY, SESSION_OPTIONS } from "../runtime/session.ts";
import { ActivityWait } from "../runtime/waits.ts";

/**
 * Runs `fn`, whose sticky activities all run on one worker: the one that answers first. If that worker stops or dies, the
 * sticky activity that runs or comes next fails with an `ActivityError` whose `reason` is `lost`. Another `onOneWorker` then
 * gets another worker. Calls in `fn` may nest: the inner ones have sessions of their own.
 */
export async function onOneWorker<T>(fn: () => Promise<T>): Promise<T> {
  const frame = commandFrame("onOneWorker()");
  const cancelled = frame.scope.takeUndelivered();
  if (cancelled) throw cancelled;
  const request = { name: SESSION_ACTIVITY, input: null, options: SESSION_OPTIONS };
  const { session } = (await new ActivityWait(frame.ops, frame.scope, request, false).promise) as { session: string };
  return runIn({ ...frame, session }, fn);
}
