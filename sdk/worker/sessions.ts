/** The dead sessions of other workers, and for each living one the time at which it is dead if no further heartbeat comes. */
import type { Millis } from "../../shared/protocol/history.ts";
import type { WorkerContext } from "./types.ts";

/** Beyond this the worker forgets all, and asks the server again. */
const MAX_REMEMBERED = 10_000;
const DEAD: Millis = 0;

export class OtherSessions {
  readonly #worker: Pick<WorkerContext, "deployment" | "transport">;
  readonly #diesAt = new Map<string, Millis>();

  constructor(worker: Pick<WorkerContext, "deployment" | "transport">) {
    this.#worker = worker;
  }

  /** Asks the server which of these sessions are alive. */
  async ask(ids: string[]): Promise<void> {
    const { deployment, transport } = this.#worker;
    const answer = await transport.call("sessions", { deployment, ids });
    for (const id of answer.dead) this.#diesAt.set(id, DEAD);
    for (const [id, at] of Object.entries(answer.dies_at)) this.#diesAt.set(id, at);
    if (this.#diesAt.size > MAX_REMEMBERED) this.#diesAt.clear();
  }

  isDead(session: string): boolean {
    return this.#diesAt.get(session) === DEAD;
  }

  /** Null: dead, or never asked about. */
  diesAt(session: string): Millis | null {
    const at = this.#diesAt.get(session);
    return at === undefined || at === DEAD ? null : at;
  }
}
