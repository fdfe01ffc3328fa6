/** Schedules on the virtual clock of a test. */

import type * as z from "zod";
import type { PartialScheduleDefinition } from "../../shared/protocol/http/schedule-bodies.ts";
import type { ScheduleDefinitionOutput, ScheduleLogEntry } from "../../shared/protocol/http/schedules.ts";
import type { Workflow } from "../workflow/define.ts";
import type { ScheduleDefinition } from "../workflow/schedules.ts";
import { type Driver, Resource, TestRefusal } from "./driver.ts";
import { TestExecution } from "./execution.ts";

/** 1 skip, 2 buffer one, 3 buffer all, 4 cancel other, 5 terminate other, 6 allow all. */
export type Overlap = 1 | 2 | 3 | 4 | 5 | 6;

export interface TestSchedules {
  /** Creates a schedule of the workflow; `input` must fit it. Throws `TestRefusal` for what the API refuses. */
  create<In, Out>(
    workflow: Workflow<In, Out>,
    definition: Omit<ScheduleDefinition, "input" | "schedule_id"> & { id?: string; input?: In },
  ): Promise<TestSchedule<Out>>;
  /** A handle on a schedule that the test did not create itself, such as one declared in code. */
  get(id: string): TestSchedule<unknown>;
}

export interface TestStart<Out> {
  /** The time that the schedule's rule gives. */
  readonly nominal: Date;
  /** When it was due: the nominal time plus jitter. */
  readonly at: Date;
  readonly execution: TestExecution<Out>;
}

export function testSchedules(driver: Driver, deployment: string): TestSchedules {
  return {
    async create(workflow, { id, input, ...definition }) {
      const body = {
        workflow_identifier: workflow.name,
        deployment_name: deployment,
        ...(id !== undefined && { schedule_id: id }),
        schedule: { ...definition, input: input ?? {} },
      };
      const answer = await driver.api("POST", "/v1/workflows/schedules", body);
      if (answer.status !== 201) throw new TestRefusal(`a schedule of '${workflow.name}'`, answer);
      return new TestSchedule((answer.body as { schedule_id: string }).schedule_id, driver, workflow);
    },
    get: (id) => new TestSchedule(id, driver),
  };
}

/** A handle on one schedule in a test. */
export class TestSchedule<Out> {
  readonly id: string;
  readonly #driver: Driver;
  readonly #resource: Resource;
  readonly #workflow: Workflow<never, Out> | undefined;

  constructor(id: string, driver: Driver, workflow?: Workflow<never, Out>) {
    this.id = id;
    this.#driver = driver;
    this.#resource = new Resource(driver, "schedules", id);
    this.#workflow = workflow;
  }

  async #call<T>(what: string, method: string, path: string, body?: unknown): Promise<T> {
    const answer = await this.#resource.call<T>(what, method, path, body);
    await this.#driver.untilIdle();
    return answer;
  }

  /** As the API shows it: state, next and last runs, counters. */
  describe(): Promise<ScheduleDefinitionOutput> {
    return this.#call("get", "GET", "");
  }

  /** The outcome of each due time so far, oldest first. */
  async log(): Promise<ScheduleLogEntry[]> {
    const entries: ScheduleLogEntry[] = [];
    let cursor: string | null = "";
    do {
      const page: { entries: ScheduleLogEntry[]; next_cursor: string | null } = await this.#call(
        "log",
        "GET",
        `/log?limit=1000&cursor=${encodeURIComponent(cursor)}`,
      );
      entries.push(...page.entries);
      cursor = page.next_cursor;
    } while (cursor);
    return entries.reverse();
  }

  /** The executions that it has started so far, oldest first. */
  async starts(): Promise<TestStart<Out>[]> {
    const started = (await this.log()).filter((entry) => entry.outcome === "started");
    return started.map(({ nominal_at, scheduled_at, execution_id }) => ({
      nominal: new Date(nominal_at),
      at: new Date(scheduled_at),
      execution: new TestExecution(execution_id as string, this.#driver, this.#workflow),
    }));
  }

  /** Starts one execution now; default of `overlap`: that of the schedule. */
  async trigger(o: { overlap?: Overlap } = {}): Promise<void> {
    await this.#call("trigger", "POST", "/trigger", o);
  }

  /** Starts an execution for each due time from `from` to `to`, both included. */
  async backfill(o: { from: Date; to: Date; overlap?: Overlap }): Promise<void> {
    const { from, to, ...rest } = o;
    await this.#call("backfill", "POST", "/backfill", { start_at: from, end_at: to, ...rest });
  }

  async pause(note?: string): Promise<void> {
    await this.#call("pause", "POST", "/pause", { note });
  }

  async resume(note?: string): Promise<void> {
    await this.#call("resume", "POST", "/resume", { note });
  }

  /** Changes the given fields and keeps the others. */
  async update(schedule: z.input<typeof PartialScheduleDefinition>): Promise<void> {
    await this.#call("update", "PATCH", "", { schedule });
  }

  async delete(): Promise<void> {
    await this.#call("delete", "DELETE", "");
  }
}
