/**
 * Custom task events carry attributes that their author shapes. One that the official clients cannot parse would break
 * whole pages and streams for them, so it is refused on its way in.
 */
import { present } from "../../core/present.ts";
import type { EventOf } from "../../protocol/history.ts";
import { PublicEvent } from "../../protocol/http/event-types.ts";
import type { Progress } from "../../protocol/worker.ts";

type CustomTask = Pick<EventOf<"custom_task">, "event" | "task" | "task_type" | "attributes"> | Progress;

const anywhere = {
  execution: "",
  workflow: "",
  run: "00000000-0000-0000-0000-000000000000",
  chain: "",
  root: "",
  parent: null,
  first_run: "",
  continued_from: null,
  schedule: null,
  attempt: 1,
};

/** Null: nothing is wrong. */
export function customTaskProblem(e: CustomTask): string | null {
  const { event, task, task_type, attributes } = e;
  const recorded = { kind: "custom_task", id: 2, at: 0, event, task, task_type, attributes } as const;
  for (const shown of present(anywhere, recorded)) {
    const parsed = PublicEvent.safeParse(shown.wire);
    if (parsed.success) continue;
    const issue = parsed.error.issues[0];
    return `${issue?.path.join(".") ?? "event"}: ${issue?.message ?? "invalid"}`;
  }
  return null;
}
