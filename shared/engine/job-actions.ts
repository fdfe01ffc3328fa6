/** The actions of jobs (JOB-3, JOB-4). A further action is a function here and a kind in `protocol/job.ts`. */
import { type Ports, type Ref, type StoredJob, StoreFailed } from "../ports.ts";
import type { Head } from "../protocol/head.ts";
import type { JobAction, JobOutcome } from "../protocol/job.ts";
import { type Message, messageId } from "../protocol/messages.ts";
import { deleteExecution } from "./delete.ts";
import { reset } from "./reset.ts";
import { send } from "./send.ts";
import { terminate } from "./terminate.ts";

type Outcome = Pick<JobOutcome, "outcome" | "detail">;
interface Target {
  readonly job: StoredJob;
  readonly ref: Ref;
  /** The run that was listed. */
  readonly run: string;
  /** The head as it is now, of the start that was listed. */
  readonly head: Head;
}
type Actions = {
  readonly [K in JobAction["kind"]]: (
    ports: Ports,
    of: Target,
    action: Extract<JobAction, { kind: K }>,
  ) => Promise<Outcome>;
};

/** JOB-7. */
const originOf = ({ id, repeats }: StoredJob): string => repeats?.first ?? id;

const SUCCEEDED: Outcome = { outcome: "succeeded", detail: null };
const skipped = (detail: string): Outcome => ({ outcome: "skipped", detail });
const ended = (head: Head | null): Outcome =>
  skipped(head ? `it has ended: ${head.status}` : "there is no such execution any more");

const ACTIONS: Actions = {
  async cancel(ports, { job, ref, head }) {
    const id = messageId.cancel(originOf(job));
    const reason = `cancelled by job ${job.id} of '${job.by}'`;
    if (head.status === "CANCELED") return SUCCEEDED; // by an earlier try of this page, or by somebody else
    if (head.status !== "RUNNING") return ended(head);
    return sent(ports, ref, head, { id, kind: "cancel", reason, sent_at: ports.clock.now() });
  },
  async terminate(ports, { job, ref, head }, { reason: given }) {
    const reason = `${given ?? "terminated"} (job ${job.id} of '${job.by}')`;
    const byThis = (of: Head | null) => of?.status === "TERMINATED" && of.failure === reason;
    if (byThis(head)) return SUCCEEDED;
    if (head.status !== "RUNNING") return ended(head);
    const done = await terminate(ports, ref, { kind: "terminated", reason }, head.chain);
    return done.kind === "closed" || byThis(done.head) ? SUCCEEDED : ended(done.head);
  },
  async signal(ports, { job, ref, head }, { name, input }) {
    if (head.status !== "RUNNING") return ended(head);
    const id = messageId.signal(originOf(job));
    return sent(ports, ref, head, { id, kind: "signal", name, input, sent_at: ports.clock.now() });
  },
  async reset(ports, { job, ref, run, head }, { to, reason: given, excluded }) {
    const isYounger = (of: Head) => of.reset !== undefined && of.reset.at >= job.createdAt;
    const isDone = (of: Head) => isYounger(of) && of.reset?.from === run; // by an earlier try of this page
    if (isDone(head)) return SUCCEEDED;
    // Made in the same millisecond as the job, perhaps by the job itself.
    if (head.run === run && isYounger(head)) return skipped("it began with a reset, after the job was made");
    const reason = `${given ?? "reset"} (job ${job.id} of '${job.by}')`;
    const done = await reset(ports, ref, { run, target: { to }, reason, excluded });
    switch (done.kind) {
      case "reset":
        return SUCCEEDED;
      case "not_found":
        return ended(null);
      case "moved":
        return isDone(done.head) ? SUCCEEDED : skipped(`it goes on with another run: ${done.head.run}`);
      case "no_point":
        return skipped(`its history has no ${to.replace("_", " ")}`);
      case "full":
        return { outcome: "failed", detail: done.detail };
    }
  },
  async delete(ports, { job, ref, head }) {
    const done = await deleteExecution(ports, ref, head.chain);
    switch (done.kind) {
      case "deleted":
        return SUCCEEDED;
      case "running":
        return skipped("it is running");
      case "another":
      case "not_found":
        return (await isDeletedBy(ports, job, ref)) ? SUCCEEDED : skipped(REPLACED);
    }
  },
};

const REPLACED = "it was started again, or deleted, since the job found it";

/** By an earlier try of this page, by another run of the execution, or by somebody else. */
async function isDeletedBy(ports: Ports, job: StoredJob, ref: Ref): Promise<boolean> {
  if (job.action.kind !== "delete") return false;
  const at = await ports.executions.deletedAt(ref);
  return at !== null && at >= job.createdAt;
}

async function sent(ports: Ports, ref: Ref, head: Head, message: Message): Promise<Outcome> {
  const done = await send(ports, ref, message, head.chain);
  return done.kind === "accepted" ? SUCCEEDED : ended(done.head);
}

/** Acts on one listed run. An error concerns this execution alone. */
export async function act(
  ports: Ports,
  job: StoredJob,
  listed: { readonly execution: string; readonly run: string },
): Promise<JobOutcome> {
  const ref = { workspace: job.workspace, execution: listed.execution };
  const { execution, run } = listed;
  try {
    const head = await startOf(ports, ref, run);
    if (!head) return { execution, run, ...((await isDeletedBy(ports, job, ref)) ? SUCCEEDED : skipped(REPLACED)) };
    const action = ACTIONS[job.action.kind] as Actions["signal"];
    return { execution, run, ...(await action(ports, { job, ref, run, head }, job.action as never)) };
  } catch (error) {
    if (error instanceof StoreFailed) throw error;
    ports.log.error("jobs: an action failed", { job: job.id, execution, error });
    const detail = "an unexpected error occurred; the server's log has the cause";
    return { execution, run, outcome: "failed", detail };
  }
}

/** The head of the start to which the run belongs; null: the execution has another start now, or none (JOB-4). */
async function startOf(ports: Ports, ref: Ref, run: string): Promise<Head | null> {
  const head = await ports.executions.head(ref);
  if (!head || head.run === run) return head;
  const listed = await ports.executions.run(ref.workspace, run);
  return listed?.chain === head.chain ? head : null;
}
