/** `sirocco deployments …`: deployments and their workers, where new starts go, and which API keys may register. */
import type { Group } from "../../command.ts";
import { harden, unharden } from "./harden.ts";
import { promote, rollback } from "./promote.ts";
import { retire } from "./retire.ts";
import { show } from "./show.ts";

export const deployments: Group = {
  name: "deployments",
  summary: show.summary,
  own: show,
  commands: [promote, rollback, retire, harden, unharden],
};
