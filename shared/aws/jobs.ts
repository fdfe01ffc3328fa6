/**
 * Jobs in the table Executions: a partition per workspace for its jobs, and one per job for the outcomes of its pages. Open
 * jobs have an entry in a shard of their own of the index `due`, where the sweeper finds them.
 */
import { shownList, shownObject } from "../lib/readable.ts";
import type { JobKey, Jobs, StoredJob } from "../ports.ts";
import type { Millis } from "../protocol/history.ts";
import type { JobOutcome } from "../protocol/job.ts";
import type { Context } from "./context.ts";
import { DUE_JOBS, jobKey, jobOutcomesKey, ttlSeconds } from "./keys.ts";
import { INDEXES } from "./names.ts";
import { ABSENT, type Item, keyItem, N, S, type Table, text } from "./table.ts";

/** Partitions of jobs hold a slash, and ids of executions hold none. */
const JOBS = "#/jobs";

export class AwsJobs implements Jobs {
  readonly #c: Pick<Context, "tables" | "clock" | "settings" | "readable">;

  constructor(c: Pick<Context, "tables" | "clock" | "settings" | "readable">) {
    this.#c = c;
  }

  get #table(): Table {
    return this.#c.tables.executions;
  }

  #item(job: StoredJob): Item {
    const ttl = job.endedAt === null ? null : ttlSeconds(job.endedAt + this.#c.settings.retentionMs);
    return {
      ...keyItem(jobKey(job.workspace, job.id)),
      version: N(job.version),
      job: S(JSON.stringify(job)),
      ...(job.dueAt !== null && {
        [INDEXES.due.partition]: S(DUE_JOBS),
        [INDEXES.due.sort]: N(job.dueAt),
      }),
      ...(ttl !== null && { ttl: N(ttl) }),
    };
  }

  async create(job: StoredJob): Promise<boolean> {
    return (await this.#table.put(this.#item(job), ABSENT)).ok;
  }

  async get({ workspace, id }: JobKey): Promise<StoredJob | null> {
    const item = await this.#table.get(jobKey(workspace, id));
    return item ? jobOf(item) : null;
  }

  async list(workspace: string, p: { before?: string; limit: number }): Promise<StoredJob[]> {
    const found: StoredJob[] = [];
    const pages = this.#table.pages({
      KeyConditionExpression: "pk = :pk AND sk < :before",
      ExpressionAttributeValues: {
        ":pk": S(workspace + JOBS),
        ":before": S(p.before === undefined ? "JOB$" : jobKey(workspace, p.before).sk),
      },
      ScanIndexForward: false,
      limit: () => Math.max(1, p.limit - found.length),
    });
    for await (const page of pages) {
      found.push(...this.#c.readable.of(page, (item) => `job ${keyOf(item).id}`, jobOf));
      if (found.length >= p.limit) break;
    }
    return found.slice(0, p.limit);
  }

  async replace(next: StoredJob): Promise<boolean> {
    const values = { ":seen": N(next.version - 1) };
    return (
      await this.#table.put(this.#item(next), {
        expression: "#version = :seen",
        names: { "#version": "version" },
        values,
      })
    ).ok;
  }

  async putOutcomes(key: JobKey, page: number, outcomes: readonly JobOutcome[]): Promise<readonly JobOutcome[]> {
    // Outcomes outlive no job: a job ends within the retention, or its first outcomes expire before it has ended.
    const ttl = ttlSeconds(this.#c.clock.now() + 2 * this.#c.settings.retentionMs);
    const item = {
      ...keyItem(jobOutcomesKey(key.workspace, key.id, page)),
      outcomes: S(JSON.stringify(outcomes)),
      ttl: N(ttl),
    };
    const put = await this.#table.put(item, ABSENT);
    return put.ok || !put.found ? outcomes : this.#outcomesOf(put.found);
  }

  async outcomes({ workspace, id }: JobKey, page: number): Promise<readonly JobOutcome[]> {
    const item = await this.#table.get(jobOutcomesKey(workspace, id, page));
    return item ? this.#outcomesOf(item) : [];
  }

  #outcomesOf(item: Item): readonly JobOutcome[] {
    const nameOf = () => `outcomes ${text(item, "pk")} ${text(item, "sk")}`;
    const read = () => shownList(JSON.parse(text(item, "outcomes") ?? "") as JobOutcome[]);
    return this.#c.readable.of([item], nameOf, read).flat();
  }

  async due(until: Millis, limit: number): Promise<JobKey[]> {
    const { name, partition, sort } = INDEXES.due;
    const found: JobKey[] = [];
    const pages = this.#table.pages({
      IndexName: name,
      KeyConditionExpression: `${partition} = :shard AND ${sort} <= :until`,
      ExpressionAttributeValues: { ":shard": S(DUE_JOBS), ":until": N(until) },
      limit: () => Math.max(1, limit - found.length),
    });
    for await (const page of pages) {
      found.push(...page.map(keyOf));
      if (found.length >= limit) break;
    }
    return found.slice(0, limit);
  }
}

const jobOf = (item: Item): StoredJob => shownObject(JSON.parse(text(item, "job")!) as StoredJob);
const keyOf = (item: Item): JobKey => ({
  workspace: text(item, "pk")!.slice(0, -JOBS.length),
  id: text(item, "sk")!.slice("JOB#".length),
});
