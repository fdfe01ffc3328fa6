/**
 * The server's time on AWS. Its functions run on many machines, and each compares times that another has written:
 * heartbeats of workers, due times, times of messages. A machine's clock may be wrong or may be set, so none of them counts.
 *
 * AWSCLOCK-1. The time is DynamoDB's. Each of its answers carries it in whole seconds; between two answers the process counts
 *     on by its steady clock, which setting the machine's clock does not move. An answer corrects the time only where it
 *     proves it wrong, and only if it came within 2 s: times of functions differ by little more than a second.
 * AWSCLOCK-2. Lambda freezes processes between invocations, and a steady clock may stand still meanwhile. Before an
 *     invocation the function asks DynamoDB for the time if its two clocks have moved apart since the last answer, and
 *     before its first.
 * AWSCLOCK-3. Leases of tasks are visibility timeouts, by the clock of SQS. No condition of a write compares times, except
 *     that an idempotency key may have expired. So a wrong time makes nothing wrong: a takeover, a timer or an expiry would
 *     come early or late.
 */
import { type DynamoDBClient, GetItemCommand } from "@aws-sdk/client-dynamodb";
import { steadyOf } from "../lib/clock.ts";
import type { Clock } from "../ports.ts";
import type { Millis } from "../protocol/history.ts";

/** Differences below this come from the network, and from the clocks of DynamoDB's own machines. */
const SLACK_MS: Millis = 500;
/** An answer that took longer says too little about the time: it may have waited on either way. */
const QUICK_MS: Millis = 2_000;
/** How often a function asks before it goes on with a time that may be wrong. */
const TRIES = 5;
/** The machine's clock is adjusted by less than this at a time, unless it is set. */
const APART_MS: Millis = 1_000;

export class ServiceClock implements Clock {
  readonly #machine: Clock;
  /** The service's time minus the steady clock. */
  #ahead: Millis;
  /** The machine's clock minus the steady one at the last answer; null: there was none. */
  #apart: Millis | null = null;

  constructor(machine: Clock) {
    this.#machine = machine;
    this.#ahead = this.#apartNow();
  }

  #apartNow(): Millis {
    return this.#machine.now() - steadyOf(this.#machine);
  }

  now(): Millis {
    return this.steady() + this.#ahead;
  }
  steady(): Millis {
    return steadyOf(this.#machine);
  }
  at(at: Millis, fn: () => void): () => void {
    return this.#machine.at(this.#machine.now() + at - this.now(), fn);
  }

  /** AWSCLOCK-2. */
  get isInDoubt(): boolean {
    return this.#apart === null || Math.abs(this.#apartNow() - this.#apart) > APART_MS;
  }

  /** AWSCLOCK-1. The service has answered that its time is `second`; the request was sent at `sent` of the steady clock. */
  observe(second: Millis, sent: Millis): void {
    const now = this.steady();
    if (now - sent > QUICK_MS) return;
    const earliest = second - now;
    const latest = second + 999 - sent;
    if (this.#ahead < earliest - SLACK_MS) this.#ahead = earliest;
    else if (this.#ahead > latest + SLACK_MS) this.#ahead = latest;
    this.#apart = this.#apartNow();
  }
}

/** The time that the answers to this client carry. */
export function serviceClock(machine: Clock, dynamo: DynamoDBClient): ServiceClock {
  const clock = new ServiceClock(machine);
  dynamo.middlewareStack.add(
    (next) => async (args) => {
      const sent = clock.steady();
      const result = await next(args);
      const { headers } = result.response as { headers?: Record<string, string | undefined> };
      const second = Date.parse(headers?.date ?? "");
      if (!Number.isNaN(second)) clock.observe(second, sent);
      return result;
    },
    // Low: next to the network, so that it also sees the answers that the deserializer makes errors of.
    { step: "deserialize", priority: "low", name: "siroccoClock", override: true },
  );
  return clock;
}

/** AWSCLOCK-2. Reads an item that does not exist, of a table that the caller may read. */
export async function askTime(clock: ServiceClock, dynamo: DynamoDBClient, table: string): Promise<void> {
  for (let tries = 0; clock.isInDoubt && tries < TRIES; tries++)
    await dynamo.send(new GetItemCommand({ TableName: table, Key: { pk: { S: "#" }, sk: { S: "TIME" } } }));
}
