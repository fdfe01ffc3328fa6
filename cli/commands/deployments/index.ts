/** `sirocco deployments …`: deployments and their workers, and which API keys may register for them. */
import type { Group } from "../../command.ts";
import { harden, unharden } from "./harden.ts";
import { show } from "./show.ts";

export const deployments: Group = {
  name: "deployments",
  summary: show.summary,
  own: show,
  commands: [harden, unharden],
};
