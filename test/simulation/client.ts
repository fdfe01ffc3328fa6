/** A client that starts, signals, updates, cancels, terminates, resets and deletes. It repeats each call with the same ids until it has an answer. */
import { type Deleted, deleteExecution } from "../../shared/engine/delete.ts";
import { type Reset, type ResetRequest, reset } from "../../shared/engine/reset.ts";
import { send } from "../../shared/engine/send.ts";
import { start } from "../../shared/engine/start.ts";
import { terminate } from "../../shared/engine/terminate.ts";
import type { Ports } from "../../shared/ports.ts";
import { type Message, messageId } from "../../shared/protocol/messages.ts";
import { Network } from "./network.ts";
import { DEPLOYMENT, type Server, WORKSPACE } from "./server.ts";
import { Violation } from "./store.ts";
import type { Versions } from "./versions.ts";
import { Process } from "./world.ts";

/** An acknowledged message, and the start of the execution that it is for. */
export interface Ack {
  readonly execution: string;
  readonly chain: string;
  readonly message: string;
  /** Moments (`Server.moment`) of the first sending and of the acknowledgement. */
  readonly sent: number;
  readonly acknowledged: number;
}

const UNPINNED = { deployment: DEPLOYMENT, registration: null };

export class Client {
  readonly acks: Ack[] = [];
  readonly #server: Server;
  readonly #network: Network;
  readonly #process: Process;
  readonly #versions: Versions | null;

  constructor(server: Server, name: string, versions: Versions | null = null) {
    this.#versions = versions;
    this.#server = server;
    this.#network = new Network(server.world);
    this.#process = new Process(name);
  }

  get chance() {
    return this.#server.world.chance;
  }
  /** The call has no answer; the client may repeat it at once, or much later. */
  #hang(): void {
    if (this.chance.happens(0.5)) this.#process.hangsUntil = this.#server.world.now + this.chance.between(0, 200_000);
  }
  wait(ms: number): Promise<void> {
    return this.#server.world.pause(this.#process, ms);
  }

  #call<T>(name: string, fn: (ports: Ports) => Promise<T>): Promise<T> {
    const begin = () => this.#server.call(name, fn);
    return this.#network.withRetry(this.#process, 0, name, begin, Number.POSITIVE_INFINITY);
  }

  /** Answers the chain, or null if another execution has the id. */
  async start(
    execution: string,
    workflow: string,
    input: unknown,
    o: { timeoutMs?: number } = {},
  ): Promise<string | null> {
    const token = this.chance.uuid();
    const timeoutMs = o.timeoutMs ?? null;
    const of = { workspace: WORKSPACE, execution, workflow, input, token, by: "client", timeoutMs } as const;
    const versions = this.#versions;
    const named = versions?.named() ?? null;
    for (;;) {
      const result = await this.#call(`start ${execution}`, async (ports) => {
        const to = versions ? await versions.route(ports, { workflow, execution, named }) : UNPINNED;
        return to && start(ports, { ...of, ...to });
      });
      if (result) return result.kind === "started" ? result.head.chain : null;
      await this.wait(2_000);
    }
  }

  signal(execution: string, id: string, input: unknown): Promise<boolean> {
    return this.#send(execution, { id: messageId.signal(id), kind: "signal", name: "poke", input: input as never });
  }
  update(execution: string, id: string, input: unknown): Promise<boolean> {
    return this.#send(execution, { id: messageId.update(id), kind: "update", name: "double", input: input as never });
  }
  cancel(execution: string, id: string): Promise<boolean> {
    return this.#send(execution, { id: messageId.cancel(id), kind: "cancel", reason: "enough" });
  }
  async #send(execution: string, message: DistributiveOmit<Message, "sent_at">): Promise<boolean> {
    const { world } = this.#server;
    const sent = this.#server.firstSent(message.id);
    // The servers' clocks differ, and a clock may be set back.
    const skew = this.chance.happens(world.faults.clockSkew) ? this.chance.between(-20_000, 2_000) : 0;
    const sent_at = world.now + skew;
    const [ref, sending] = [{ workspace: WORKSPACE, execution }, { ...message, sent_at } as Message];
    const result = await this.#call(`send ${message.id}`, (ports) => {
      if (this.#server.lostClaims.loses(ref, sending)) this.#hang();
      return send(ports, ref, sending);
    });
    if (result.kind === "accepted") {
      const acknowledged = this.#server.moment();
      this.acks.push({ execution, chain: result.head.chain, message: message.id, sent, acknowledged });
    }
    return result.kind === "accepted";
  }

  /** The status of the execution; null: there is none. */
  async statusOf(execution: string): Promise<string | null> {
    const head = await this.#call(`status of ${execution}`, (ports) =>
      ports.executions.head({ workspace: WORKSPACE, execution }),
    );
    return head?.status ?? null;
  }

  /** A call that is repeated without an answer names the same run and key, so it begins one new run (RESET-5). */
  async reset(execution: string, p: Omit<ResetRequest, "reason" | "run" | "token">): Promise<Reset["kind"]> {
    const ref = { workspace: WORKSPACE, execution };
    const head = await this.#call(`head of ${execution}`, (ports) => ports.executions.head(ref));
    if (!head) return "not_found";
    const [run, token] = [head.run, this.chance.uuid()];
    const into = await this.#versions?.home(head.workflow);
    const done = await this.#call(`reset ${execution}`, (ports) =>
      reset(ports, ref, { ...p, run, token, reason: "again", into }),
    );
    const begun = [...this.#server.store.runsById.values()].filter((each) => each.reset?.token === token);
    const direct = begun.filter((each) => each.reset?.from === run);
    // After a deletion that came between a try and its repeat, the answer is about what has the id now.
    const isOther = done.kind === "not_found" || (done.kind === "moved" && done.head.chain !== head.chain);
    const most = done.kind === "reset" || isOther ? 1 : 0;
    if (direct.length > most) throw new Violation("INV-2", `${execution}: one reset began ${direct.length} runs`);
    return done.kind;
  }

  /** INV-12. */
  async delete(execution: string): Promise<Deleted["kind"]> {
    const { runsById } = this.#server.store;
    const before = [...runsById.values()].filter((run) => run.execution === execution).map((run) => run.chain);
    const done = await this.#call(`delete ${execution}`, (ports) =>
      deleteExecution(ports, { workspace: WORKSPACE, execution }),
    );
    const left = [...runsById.values()].find((run) => before.includes(run.chain));
    if (done.kind === "deleted" && left)
      throw new Violation("INV-12", `${execution} was deleted, and its run ${left.run} is ${left.status}`);
    return done.kind;
  }

  async terminate(execution: string): Promise<void> {
    await this.#call(`terminate ${execution}`, (ports) =>
      terminate(ports, { workspace: WORKSPACE, execution }, { kind: "terminated", reason: "enough" }),
    );
  }
}

type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;
