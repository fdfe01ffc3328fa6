/** `sirocco schedule …`: rules that start executions. */
import type { Group } from "../../command.ts";
import { backfill } from "./backfill.ts";
import { create } from "./create.ts";
import { remove } from "./delete.ts";
import { get } from "./get.ts";
import { list } from "./list.ts";
import { log } from "./log.ts";
import { pause, resume } from "./pause.ts";
import { preview } from "./preview.ts";
import { trigger } from "./trigger.ts";
import { upcoming } from "./upcoming.ts";
import { update } from "./update.ts";
import { why } from "./why.ts";

export const schedule: Group = {
  name: "schedule",
  summary: "create, show, change and explain schedules",
  commands: [create, list, get, why, upcoming, update, pause, resume, trigger, backfill, remove, preview, log],
};
