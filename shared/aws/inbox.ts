/**
 * The inbox: one item per message, under the execution's partition. Each sender writes a key of its own and so never
 * conflicts with another writer. A counter per chain numbers the messages (MESSAGE-1): a sender raises it by one atomic
 * update, then writes its message, so a number is lost where the sender dies in between or repeats itself. Messages and
 * counter of an execution with a deadline expire like its log (LOG-4). A worker's append deletes the messages that it takes
 * in, and `retention.ts` deletes what is left when the execution has closed.
 */
import type { AttributeValue } from "@aws-sdk/client-dynamodb";
import { forEachConcurrent } from "../lib/for-each-concurrent.ts";
import { LruCache } from "../lib/lru-cache.ts";
import { isUnreadable, shownObject } from "../lib/readable.ts";
import type { Ref } from "../ports.ts";
import { type InboxMessage, inOrder, type Message } from "../protocol/messages.ts";
import { Unreadable } from "../protocol/unreadable.ts";
import type { Context } from "./context.ts";
import { inboxPrefix, messageCounterKey, messageKey, pkOf, ttlSeconds } from "./keys.ts";
import { expireValue, INLINE_ONCE, stored, unpack } from "./pack.ts";
import { ABSENT, type Item, keyItem, N, number, text, within } from "./table.ts";

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
    const expiry = this.#expiry(chain);
    const item = {
      ...keyItem(messageKey(ref, chain, message.id)),
      message: await stored(this.#c.blobs, message, { owner, inline: INLINE_ONCE }),
      seq: N(await this.#number(ref, chain, expiry)),
      ...(expiry && { ttl: expiry }),
    };
    const put = await this.#c.tables.executions.put(item, ABSENT);
    if (!put.ok) await expireValue(this.#c.blobs, item.message, put.found?.message);
  }

  #expiry(chain: string): AttributeValue | undefined {
    const deadline = this.#deadlines.get(chain);
    return deadline === undefined ? undefined : N(ttlSeconds(deadline + this.#c.settings.retentionMs));
  }

  /** The next number of the chain. */
  async #number(ref: Ref, chain: string, expiry: AttributeValue | undefined): Promise<number> {
    const raised = await this.#c.tables.executions.update(
      messageCounterKey(ref, chain),
      expiry ? "SET #ttl = :ttl ADD seq :one" : "ADD seq :one",
      {
        values: { ":one": N(1), ...(expiry && { ":ttl": expiry }) },
        ...(expiry && { names: { "#ttl": "ttl" } }),
        returns: "ALL_NEW",
      },
    );
    if (!raised.ok) throw new Error("unreachable: the update has no condition");
    return number(raised.item!, "seq")!;
  }

  async all(ref: Ref, chain: string, most?: number): Promise<InboxMessage[]> {
    const items = await this.#items(ref, chain, most);
    const messages = await Promise.all(items.map((item) => this.#message(ref, item)));
    return messages.filter((message) => message !== null).sort(inOrder);
  }

  async #items(ref: Ref, chain: string, most?: number): Promise<Item[]> {
    const query = within(pkOf(ref), { prefix: inboxPrefix(chain) });
    const { executions } = this.#c.tables;
    if (most === undefined) return executions.query(query);
    return (await executions.pages({ ...query, limit: () => most }).next()).value ?? [];
  }

  /** Null: nobody can read it. It would keep its execution from every worker for ever: the others reach their handlers. */
  async #message(ref: Ref, item: Item): Promise<InboxMessage | null> {
    try {
      if (item.message === undefined) throw new Unreadable("the message is gone");
      const message = shownObject(await unpack<Message>(this.#c.blobs, item.message));
      return { ...message, seq: number(item, "seq")! };
    } catch (error) {
      if (!isUnreadable(error)) throw error;
      this.#c.readable.leftOut(`message ${text(item, "sk")} of execution ${ref.workspace}/${ref.execution}`, error);
      return null;
    }
  }

  async remove(ref: Ref, chain: string, ids: readonly string[]): Promise<void> {
    await forEachConcurrent(CONCURRENCY, ids, (id) => this.#removeOne(ref, chain, id));
  }

  /** The chain is over: deletes its messages and its counter. */
  async clear(ref: Ref, chain: string): Promise<void> {
    const left = await this.#items(ref, chain);
    await forEachConcurrent(CONCURRENCY, left, (item) => this.#removeAt({ pk: pkOf(ref), sk: text(item, "sk")! }));
    await this.#c.tables.executions.delete(messageCounterKey(ref, chain));
  }

  #removeOne(ref: Ref, chain: string, id: string): Promise<void> {
    return this.#removeAt(messageKey(ref, chain, id));
  }

  async #removeAt(key: ReturnType<typeof messageKey>): Promise<void> {
    const removed = await this.#c.tables.executions.delete(key);
    await expireValue(this.#c.blobs, removed?.message);
  }
}
