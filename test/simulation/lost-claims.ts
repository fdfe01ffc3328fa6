/**
 * Claims that a crash loses (CLAIM-6). The store of this world writes at once. What one machine would lose is therefore never
 * written: a poll that waits is answered with the task of a message and with the claim for it, as they would have been, then
 * all other calls die. The sender of the message repeats it, sooner or later. A claim of a wake-up that is stored may be lost alone.
 */

import { KEEP_MS } from "../../shared/engine/claim.ts";
import type { Ref } from "../../shared/ports.ts";
import type { Head } from "../../shared/protocol/head.ts";
import { tailOf } from "../../shared/protocol/history.ts";
import type { Message } from "../../shared/protocol/messages.ts";
import type { Delivery, WorkerAnswer, WorkerBody } from "../../shared/protocol/worker.ts";
import type { Server } from "./server.ts";
import { Process } from "./world.ts";

interface Call<T> {
  readonly process: Process;
  readonly answer: Promise<T>;
}
interface Waiting {
  readonly session: string;
  readonly deployment: string;
  give(delivery: Delivery): void;
}
/** Such claims wait for the disk with the start of the run. */
const NO_BATCH = 1;

export class LostClaims {
  readonly #server: Server;
  readonly #waiting = new Set<Waiting>();

  constructor(server: Server) {
    this.#server = server;
  }

  /** `begin`: the poll as it is otherwise. */
  poll<T>(body: WorkerBody<"poll">, begin: () => Call<T>): Call<T | WorkerAnswer<"poll">> {
    const { world } = this.#server;
    const { session, deployment, queue } = body;
    const real = begin();
    if (world.faults.claimLost === 0 || queue !== "workflow" || !body.claim || !body.claim_again) return real;
    const process = new Process("poll with a claim");
    const answer = new Promise<T | WorkerAnswer<"poll">>((resolve, reject) => {
      const give = (delivery: Delivery) => {
        this.#waiting.delete(waiting);
        world.within(process, world.now + world.stepMs(), () => resolve({ deliveries: [delivery] }));
      };
      const waiting: Waiting = { session, deployment, give };
      this.#waiting.add(waiting);
      const end = () => this.#waiting.delete(waiting);
      real.process.onDeath(() => {
        if (end()) process.kill();
      });
      real.answer.then((value) => end() && resolve(value), reject);
      if (world.chance.happens(world.faults.claimLost))
        world.at(world.now + world.stepMs(), () => this.#loseStored(waiting));
    });
    return { process, answer };
  }

  /** A client sends the message. True: a worker has it, and the server has lost it. */
  loses(ref: Ref, message: Message): boolean {
    const { world, store } = this.#server;
    if (!world.chance.happens(world.faults.claimLost)) return false;
    const head = store.heads.get(`${ref.workspace}/${ref.execution}`);
    const waiting = [...this.#waiting].find((each) => each.session === head?.owner);
    return head !== undefined && waiting !== undefined && !head.wake_pending && this.#lose(waiting, head, message);
  }

  #loseStored(waiting: Waiting): void {
    if (!this.#waiting.has(waiting)) return;
    const all = [...this.#server.store.heads.values()];
    const woken = all.filter((head) => head.wake_pending && head.owner === waiting.session);
    if (woken.length > 0) this.#lose(waiting, this.#server.world.chance.oneOf(woken), null);
  }

  /** False: the claim would not have left before the disk had it. */
  #lose(waiting: Waiting, head: Head, message: Message | null): boolean {
    const { world, store, settings } = this.#server;
    const { now } = world;
    const tail = tailOf(store.logs.get(head.run)!);
    const inbox = [...(store.inboxes.get(`${head.workspace}/${head.execution}/${head.chain}`)?.values() ?? [])];
    const isKnown = inbox.some(({ id }) => id === message?.id);
    const messages = [...inbox, ...(message && !isKnown ? [{ ...message, seq: store.nextSeq(head, head.chain) }] : [])];
    const leaves =
      head.status === "RUNNING" &&
      head.deployment === waiting.deployment &&
      (head.deadline === null || head.deadline > now) &&
      head.outbox.length === 0 &&
      this.#server.heldScopes === 0 &&
      store.wasClaimed(head.run) &&
      tail > NO_BATCH &&
      messages.every(({ kind }) => kind === "signal" || kind === "update");
    if (!leaves) return false;
    const wokenAt = head.wake_pending ? head.due_at! : now + settings.wakeTimeoutMs;
    const claimed = {
      ...head,
      due_at: wokenAt > now + KEEP_MS ? wokenAt : now + settings.claimTimeoutMs,
      wake_pending: false,
      fence: store.lostFence(head),
    };
    world.note(() => `LOST CLAIM of ${head.execution} at fence ${claimed.fence}, with ${message?.id}`);
    this.#server.drivers.claims(waiting.session, claimed);
    const put = `${head.chain}/${message?.id}`;
    if (message && !this.#server.put.has(put)) this.#server.put.set(put, message.sent_at);
    waiting.give({
      receipt: world.chance.uuid(),
      attempt: 1,
      task: { kind: "workflow", execution: head.execution },
      claimed: { kind: "claimed", head: claimed, batches: [], messages, fenced: false, now },
      claimed_after: tail,
    });
    this.#server.crash();
    return true;
  }
}
