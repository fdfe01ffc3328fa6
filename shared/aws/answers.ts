/** Answers to queries: items that expire after minutes. The waiting call polls with growing pauses. */
import type { Answers } from "../ports.ts";
import type { Millis } from "../protocol/history.ts";
import type { QueryAnswer } from "../protocol/worker.ts";
import type { Context } from "./context.ts";
import { answerKey, ttlSeconds } from "./keys.ts";
import { INLINE_ONCE, stored, unpack } from "./pack.ts";
import { sleep } from "./poll-backoff.ts";
import { keyItem, N } from "./table.ts";

/** A query waits for its answer for a few minutes at most. */
const KEPT_MS: Millis = 15 * 60_000;
const FIRST_MS: Millis = 25;
const LONGEST_MS: Millis = 500;

export class AwsAnswers implements Answers {
  readonly #c: Context;

  constructor(c: Context) {
    this.#c = c;
  }

  async put(workspace: string, query: string, answer: QueryAnswer): Promise<void> {
    const where = { owner: `${workspace}/answers`, inline: INLINE_ONCE, short: true } as const;
    await this.#c.tables.executions.put({
      ...keyItem(answerKey(workspace, query)),
      answer: await stored(this.#c.blobs, answer, where),
      ttl: N(ttlSeconds(this.#c.clock.now() + KEPT_MS)),
    });
  }

  async wait(workspace: string, query: string, until: Millis, signal?: AbortSignal): Promise<QueryAnswer | null> {
    const { clock, tables, blobs } = this.#c;
    for (let pause = FIRST_MS; ; pause = Math.min(LONGEST_MS, pause * 1.3)) {
      const item = await tables.executions.get(answerKey(workspace, query));
      if (item?.answer) return unpack<QueryAnswer>(blobs, item.answer);
      const now = clock.now();
      if (signal?.aborted || now >= until) return null;
      await sleep(clock, Math.min(until, now + pause), signal);
    }
  }
}
