/**
 * The attributes of custom task events come from workflow code. The official clients fail on a whole page or stream if they
 * cannot parse one event in it, so such an event is refused before it is stored.
 */
import { present } from "../../core/present.ts";
import type { EventOf } from "../../protocol/history.ts";
import { PublicEvent } from "../../protocol/http/event-types.ts";
import type { Progress } from "../../protocol/worker.ts";

type CustomTask = Pick<EventOf<"custom_task">, "event" | "task" | "task_type" | "attributes"> | Progress;

/** The identity does not matter for the check. */
const ANY_EXECUTION = {
  execution: "",
  workflow: "",
  run: "00000000-0000-0000-0000-000000000000",
  display_name: null,
  root_chain: "",
  root: "",
  parent: null,
  first_run: "",
  continued_from: null,
  schedule: null,
  attempt: 1,
};

/** Why clients could not read the event; null: they can. */
export function customTaskProblem(e: CustomTask): string | null {
  const { event, task, task_type, attributes } = e;
  const recorded = { kind: "custom_task", id: 2, at: 0, event, task, task_type, attributes } as const;
  for (const shown of present(ANY_EXECUTION, recorded)) {
    const parsed = PublicEvent.safeParse(shown.wire);
    if (parsed.success) continue;
    const issue = parsed.error.issues[0];
    return `${issue?.path.join(".") ?? "event"}: ${issue?.message ?? "invalid"}`;
  }
  return null;
}
