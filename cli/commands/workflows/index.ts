/** `sirocco workflows …`: what is registered, and an operator's changes to it. */
import type { Group } from "../../command.ts";
import { archive, unarchive } from "./archive.ts";
import { metrics } from "./metrics.ts";
import { set } from "./set.ts";
import { show } from "./show.ts";
import { tag } from "./tag.ts";

export const workflows: Group = {
  name: "workflows",
  summary: show.summary,
  own: show,
  commands: [metrics, archive, unarchive, tag, set],
};
