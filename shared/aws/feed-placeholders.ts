/**
 * Records that the feed's consumer cannot read: damaged values, objects that are gone, and what a newer version wrote.
 *
 * PLACEHOLDER-1. When a record has failed three times for a reason of its own, the writer appends a segment without events,
 *     which takes the record's sequences and names its item. So the record holds up no other record of its shard. A failure
 *     of a service never counts: the record is delivered again until the service answers.
 * PLACEHOLDER-2. Readers read the item at each look, and show nothing of it while they cannot. A version that can read it
 *     shows its events in their places: nothing is written again.
 * PLACEHOLDER-3. The counts of a start or a close (ROLLUP-2) are missing until an operator fills them in. The dead-letter queue
 *     gets the key of the item before the segment is appended, and `refill` takes the counts with a segment of their own,
 *     whose source `COUNTED#<source>` shows that it has been done.
 */

import { SendMessageCommand } from "@aws-sdk/client-sqs";
import { LruCache } from "../lib/lru-cache.ts";
import { isUnreadable } from "../lib/readable.ts";
import type { Millis } from "../protocol/history.ts";
import type { Clients } from "./clients.ts";
import type { FeedSegment } from "./feed-items.ts";
import { firstOf, HEAD } from "./keys.ts";
import { type Item, type Key, number, text } from "./table.ts";

/** PLACEHOLDER-1: Lambda repeats a batch within seconds at first, so three deliveries outlast no failure that passes. */
const DELIVERIES = 3;

/** The message in the dead-letter queue. */
export interface LeftOut {
  readonly from: Key;
  /** Time of the change. */
  readonly at: Millis;
  readonly error: string;
}

export class Placeholders {
  readonly #sqs: Clients["sqs"];
  readonly #queueUrl: string | undefined;
  readonly #failures = new LruCache<number>(1_000);

  /** `queueUrl`: the dead-letter queue. Undefined: only the log tells what was left out. */
  constructor(sqs: Clients["sqs"], queueUrl: string | undefined) {
    this.#sqs = sqs;
    this.#queueUrl = queueUrl;
  }

  /** The segment in the place of a record that cannot be read; null: it shall be delivered again. */
  async for(image: Item, at: Millis, error: unknown): Promise<FeedSegment | null> {
    if (!isUnreadable(error)) return null;
    const segment = placeholderOf(image);
    if (!segment?.from) return null;
    const name = `${segment.from.pk} ${segment.from.sk}`;
    const failures = (this.#failures.get(name) ?? 0) + 1;
    if (failures < DELIVERIES) {
      this.#failures.set(name, failures);
      return null;
    }
    if (failures === DELIVERIES) await this.#report({ from: segment.from, at, error: String(error) });
    this.#failures.set(name, failures);
    return segment;
  }

  async #report(letter: LeftOut): Promise<void> {
    if (this.#queueUrl === undefined) return;
    await this.#sqs.send(new SendMessageCommand({ QueueUrl: this.#queueUrl, MessageBody: JSON.stringify(letter) }));
  }
}

/** Undefined: not even its place is known. */
function placeholderOf(image: Item): FeedSegment | undefined {
  const [pk, sk] = [text(image, "pk")!, text(image, "sk")!];
  const [kind, run = ""] = sk.split("#");
  const placeholder = true;
  if (sk === HEAD) {
    const of = text(image, "run");
    return of === undefined ? undefined : { source: `${of}#1`, n: 1, from: { pk, sk: `RUN#${of}` }, placeholder };
  }
  const n = number(image, "n");
  if (n === undefined) return undefined;
  return { source: kind === "LOG" ? `${run}#${firstOf(sk)}` : sk, n, from: { pk, sk }, placeholder };
}
