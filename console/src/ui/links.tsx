/** The ids of things, each a link to its page. */
import { Link } from "@tanstack/react-router";
import { Mono, Name } from "./text.tsx";

const LOOK = "text-accent underline-offset-2 hover:underline";

/** `run`: a run other than the current one. */
export const ExecutionLink = ({ id, run }: { id: string; run?: string | undefined }) => (
  <Link to="/executions/$id" params={{ id }} search={run === undefined ? {} : { run }} className={LOOK}>
    <Mono>{id}</Mono>
  </Link>
);

export const ScheduleLink = ({ id }: { id: string }) => (
  <Link to="/schedules/$id" params={{ id }} className={LOOK}>
    <Mono>{id}</Mono>
  </Link>
);

export const DeploymentLink = ({ name }: { name: string }) => (
  <Link to="/deployments/$name" params={{ name }} className={LOOK}>
    <Name>{name}</Name>
  </Link>
);
