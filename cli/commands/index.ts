/** All commands, in the order of the help. */
import type { Command, Group } from "../command.ts";
import { backup } from "./backup.ts";
import { bootstrap } from "./bootstrap.ts";
import { cancel } from "./cancel.ts";
import { completion } from "./completion.ts";
import { remove } from "./delete.ts";
import { deploy } from "./deploy.ts";
import { deployments } from "./deployments/index.ts";
import { dev } from "./dev.ts";
import { doctor } from "./doctor.ts";
import { failures } from "./failures.ts";
import { get } from "./get.ts";
import { history } from "./history.ts";
import { hold, release } from "./hold.ts";
import { inputs } from "./inputs.ts";
import { jobs } from "./jobs/index.ts";
import { key } from "./key/index.ts";
import { list } from "./list.ts";
import { logs } from "./logs.ts";
import { query } from "./query.ts";
import { replay } from "./replay.ts";
import { reset } from "./reset.ts";
import { restore } from "./restore.ts";
import { schedule } from "./schedule/index.ts";
import { signal } from "./signal.ts";
import { start } from "./start.ts";
import { tail } from "./tail.ts";
import { terminate } from "./terminate.ts";
import { trace } from "./trace.ts";
import { update } from "./update.ts";
import { whoami } from "./whoami.ts";
import { why } from "./why.ts";
import { workflows } from "./workflows/index.ts";

export const commands: readonly (Command | Group)[] = [
  dev,
  start,
  get,
  why,
  list,
  signal,
  query,
  update,
  cancel,
  terminate,
  reset,
  remove,
  history,
  replay,
  trace,
  failures,
  inputs,
  logs,
  tail,
  jobs,
  schedule,
  deployments,
  hold,
  release,
  workflows,
  key,
  whoami,
  doctor,
  backup,
  restore,
  deploy,
  bootstrap,
  completion(() => commands),
];
