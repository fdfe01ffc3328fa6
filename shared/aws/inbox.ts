/**
 * The inbox: one item per message, under the execution's partition. Each sender writes a key of its own and so never
 * conflicts with another writer. A message of an execution with a deadline expires like its log (LOG-4). A worker's append
 * deletes the messages that it takes in, and `retention.ts` those that are left when the execution has closed.
 */
import { forEachConcurrent } from "../lib/for-each-concurrent.ts";
import { LruCache } from "../lib/lru-cache.ts";
import type { Ref } from "../ports.ts";
import { inOrder, type Message } from "../protocol/messages.ts";
import type { Context } from "./context.ts";
import { inboxPrefix, messageKey, pkOf, ttlSeconds } from "./keys.ts";
import { expireValue, INLINE_ONCE, stored, unpack } from "./pack.ts";
import { ABSENT, keyItem, N, within } from "./table.ts";

const CONCURRENCY = 25;

export class Inbox {
  readonly #c: Context;
  /** Deadlines by chain. A sender reads the head before it puts a message, so the deadline is mostly known here. */
  readonly #deadlines = new LruCache<number>(20_000);

  constructor(c: Context) {
    this.#c = c;
  }

  remember(chain: string, deadline: number | null): void {
    if (deadline !== null) this.#deadlines.set(chain, deadline);
  }

  async put(ref: Ref, chain: string, message: Message): Promise<void> {
    const owner = `${ref.workspace}/${ref.execution}/${chain}`;
    const deadline = this.#deadlines.get(chain);
    const item = {
      ...keyItem(messageKey(ref, chain, message.id)),
      message: await stored(this.#c.blobs, message, { owner, inline: INLINE_ONCE }),
      ...(deadline !== undefined && { ttl: N(ttlSeconds(deadline + this.#c.settings.retentionMs)) }),
    };
    const put = await this.#c.tables.executions.put(item, ABSENT);
    if (!put.ok) await expireValue(this.#c.blobs, item.message, put.found?.message);
  }

  async all(ref: Ref, chain: string): Promise<Message[]> {
    const items = await this.#c.tables.executions.query(within(pkOf(ref), { prefix: inboxPrefix(chain) }));
    const messages = await Promise.all(items.map((item) => unpack<Message>(this.#c.blobs, item.message!)));
    return messages.sort(inOrder);
  }

  async remove(ref: Ref, chain: string, ids: readonly string[]): Promise<void> {
    await forEachConcurrent(CONCURRENCY, ids, (id) => this.#removeOne(ref, chain, id));
  }

  async #removeOne(ref: Ref, chain: string, id: string): Promise<void> {
    const removed = await this.#c.tables.executions.delete(messageKey(ref, chain, id));
    await expireValue(this.#c.blobs, removed?.message);
  }
}
