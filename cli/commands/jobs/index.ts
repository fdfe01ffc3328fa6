/** `sirocco jobs …`: one action on all executions that filters find. */
import type { Group } from "../../command.ts";
import { abort } from "./abort.ts";
import { create } from "./create.ts";
import { get } from "./get.ts";
import { list } from "./list.ts";
import { retry } from "./retry.ts";

export const jobs: Group = {
  name: "jobs",
  summary: "cancel, terminate, signal, reset or delete all executions that filters find",
  commands: [create, get, list, abort, retry],
};
