/** Checks INV-13: who drives a run, and who is given its activities, is a session of the run's deployment. */
import type { Head } from "../../shared/protocol/head.ts";
import type { Delivery } from "../../shared/protocol/worker.ts";
import { Violation } from "./store.ts";

interface Position {
  readonly run: string;
  readonly fence: number;
}
const keyOf = ({ run, fence }: Position) => `${run}/${fence}`;

export class Drivers {
  /** The first one: a worker may repeat a call that has thrown. */
  violation: Violation | null = null;
  /** The deployments of sessions. */
  readonly #sessions = new Map<string, string>();
  readonly #deploymentOf: (run: string) => string | undefined;
  /** The sessions that have claimed, by run and fence. */
  readonly #claimed = new Map<string, string>();

  /** `deploymentOf`: undefined where the run was deleted. */
  constructor(deploymentOf: (run: string) => string | undefined) {
    this.#deploymentOf = deploymentOf;
  }

  registers(session: string, deployment: string): void {
    this.#sessions.set(session, deployment);
  }

  claims(session: string, head: Head): void {
    this.#claimed.set(keyOf(head), session);
    this.#check(session, "claims", head.run, head.deployment);
  }

  /** A batch of the owner of this fence was written. */
  wrote(position: Position): void {
    const session = this.#claimed.get(keyOf(position));
    if (session === undefined) this.#found(`run ${position.run} has a batch whose fence nobody claimed`);
    else this.#check(session, "writes", position.run, this.#deploymentOf(position.run));
  }

  isGiven(session: string, deliveries: readonly Delivery[]): void {
    for (const { task } of deliveries)
      if (task.kind === "activity")
        this.#check(session, "is given an activity of", task.run, this.#deploymentOf(task.run));
  }

  #check(session: string, does: string, run: string, deployment: string | undefined): void {
    const own = this.#sessions.get(session);
    if (deployment !== undefined && own !== deployment)
      this.#found(`a session of '${own}' ${does} run ${run}, which belongs to '${deployment}'`);
  }

  #found(finding: string): void {
    this.violation ??= new Violation("INV-13", finding);
  }
}
