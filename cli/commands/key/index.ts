/** `sirocco key …`: who may call the server. */
import type { Group } from "../../command.ts";
import { create } from "./create.ts";
import { list } from "./list.ts";
import { revoke } from "./revoke.ts";

export const key: Group = {
  name: "key",
  summary: "make, list and revoke API keys",
  commands: [create, list, revoke],
};
