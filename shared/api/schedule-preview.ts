/** The times of a schedule that is not stored. */
import type { Refusal } from "../protocol/errors.ts";
import type { BodyOf, ResponseOf } from "../protocol/routes.ts";
import { previewing } from "../schedule/rules/index.ts";
import type { RequestContext } from "./request-context.ts";
import { refusedSpec } from "./schedules.ts";

export async function previewSchedule(
  context: RequestContext,
  body: BodyOf<"previewSchedule">,
): Promise<ResponseOf<"previewSchedule"> | Refusal> {
  const after = body.after ?? context.ports.clock.now();
  const search = previewing(body.schedule, { after, count: body.count });
  for (;;) {
    const { done, value: shown } = search.next();
    if (!done) await context.ports.pause?.();
    else if ("issues" in shown) return refusedSpec(shown.issues);
    else return { ...shown, ...(shown.windows && { windows: [...shown.windows] }) };
  }
}
