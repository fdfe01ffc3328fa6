/**
 * Answers to queries. The caller writes an item that says that it asks, a worker's answer goes into that item, and the
 * caller polls it with growing pauses.
 *
 * ANSWER-1. An answer is written only into the item of a query without one. So a worker can store one answer per query that
 *     was asked, and the condition compares no times: a Lambda function whose clock is wrong loses no answer.
 * ANSWER-2. The object of a large answer is written before the item. So the item is read before that.
 */
import type { Answers } from "../ports.ts";
import type { Millis } from "../protocol/history.ts";
import type { QueryAnswer } from "../protocol/worker.ts";
import type { Context } from "./context.ts";
import { answerKey, ttlSeconds } from "./keys.ts";
import { INLINE_ONCE, pack, unpack, upload } from "./pack.ts";
import { sleep } from "./poll-backoff.ts";
import { keyItem, N } from "./table.ts";

/** A query waits for its answer for a few minutes at most. DynamoDB deletes the item after this, should its caller not. */
const KEPT_MS: Millis = 15 * 60_000;
const FIRST_MS: Millis = 25;
const LONGEST_MS: Millis = 500;

export class AwsAnswers implements Answers {
  readonly #c: Context;

  constructor(c: Context) {
    this.#c = c;
  }

  async open(workspace: string, query: string): Promise<void> {
    const ttl = N(ttlSeconds(this.#c.clock.now() + KEPT_MS));
    await this.#c.tables.executions.put({ ...keyItem(answerKey(workspace, query)), ttl });
  }

  async put(workspace: string, query: string, answer: QueryAnswer): Promise<void> {
    const { tables, blobs } = this.#c;
    const key = answerKey(workspace, query);
    const packed = await pack(JSON.stringify(answer), `${workspace}/answers`, INLINE_ONCE);
    if (packed.blob) {
      const asked = await tables.executions.get(key);
      if (!asked || asked.answer) return;
      await upload(blobs, [packed], { short: true });
    }
    await tables.executions.update(key, "SET answer = :answer", {
      condition: "attribute_exists(pk) AND attribute_not_exists(answer)",
      values: { ":answer": packed.attribute },
    });
  }

  async wait(workspace: string, query: string, until: Millis, signal?: AbortSignal): Promise<QueryAnswer | null> {
    const { clock, tables, blobs, log } = this.#c;
    const key = answerKey(workspace, query);
    try {
      for (let pause = FIRST_MS; ; pause = Math.min(LONGEST_MS, pause * 1.3)) {
        const item = await tables.executions.get(key);
        if (item?.answer) return await unpack<QueryAnswer>(blobs, item.answer);
        const now = clock.now();
        if (signal?.aborted || now >= until) return null;
        await sleep(clock, Math.min(until, now + pause), signal);
      }
    } finally {
      // Its own expiry deletes an item that is left, so a failure here takes no answer from the caller.
      await tables.executions
        .delete(key)
        .catch((error) => log.warn("query: its item is left to expire", { query, error }));
    }
  }
}
