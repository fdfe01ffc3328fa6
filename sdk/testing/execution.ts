/** A handle on one execution in a test. */
import type { HistoryEvent } from "../../shared/protocol/history.ts";
import type { InputArgs, MessageArgs } from "../schema.ts";
import type { Workflow } from "../workflow/define.ts";
import type { Query, Signal, Update } from "../workflow/handlers.ts";
import { unwrapResult } from "../workflow/result.ts";
import { type Driver, Resource } from "./driver.ts";

/** The execution did not complete. */
export class TestExecutionFailed extends Error {
  /** FAILED, CANCELED, TERMINATED or TIMED_OUT. */
  readonly status: string;
  constructor(id: string, status: string, events: readonly HistoryEvent[]) {
    const last = events.at(-1);
    const why = last?.kind === "execution_failed" ? `: ${last.failure.message}` : "";
    super(`execution '${id}' ended ${status}${why}`);
    this.name = "TestExecutionFailed";
    this.status = status;
  }
}

interface Answer {
  status: string;
  result: unknown;
}

export class TestExecution<Out> {
  readonly id: string;
  readonly #driver: Driver;
  readonly #resource: Resource;
  readonly #workflow: Workflow<never, Out> | undefined;

  constructor(id: string, driver: Driver, workflow?: Workflow<never, Out>) {
    this.id = id;
    this.#driver = driver;
    this.#resource = new Resource(driver, "executions", id);
    this.#workflow = workflow;
  }

  async signal<In>(signal: Signal<In>, ...[input]: MessageArgs<In>): Promise<void> {
    await this.#resource.call(`signal '${signal.name}'`, "POST", "/signals", { name: signal.name, input: input ?? {} });
    await this.#driver.settle();
  }

  async query<In, Out2>(query: Query<In, Out2>, ...[input]: InputArgs<In>): Promise<Out2> {
    await this.#driver.settle();
    const body = { name: query.name, ...(input === undefined ? {} : { input }) };
    const answer = await this.#resource.call<{ result: Out2 }>(`query '${query.name}'`, "POST", "/queries", body);
    return answer.result;
  }

  async update<In, Out2>(update: Update<In, Out2>, ...[input]: MessageArgs<In>): Promise<Out2> {
    const body = { name: update.name, input: input ?? {} };
    const answer = await this.#resource.call<{ result: Out2 }>(`update '${update.name}'`, "POST", "/updates", body);
    return answer.result;
  }

  async cancel(): Promise<void> {
    await this.#resource.call("cancel", "POST", "/cancel");
    await this.#driver.settle();
  }

  async terminate(): Promise<void> {
    await this.#resource.call("terminate", "POST", "/terminate");
    await this.#driver.settle();
  }

  /** RUNNING, COMPLETED, FAILED, CANCELED, TERMINATED or TIMED_OUT. */
  async status(): Promise<string> {
    await this.#driver.settle();
    return (await this.#resource.call<Answer>("get", "GET", "")).status;
  }

  /**
   * The result; time moves on until there is one. Throws `TestExecutionFailed` when the execution did not complete, and an
   * error that says so when it waits for a message, which only the test can send.
   */
  async result(): Promise<Out> {
    for (;;) {
      await this.#driver.settle();
      const { status, result } = await this.#resource.call<Answer>("get", "GET", "");
      if (status === "COMPLETED") return unwrapResult(result, this.#workflow?.outputSchema ?? null) as Out;
      if (status !== "RUNNING") throw new TestExecutionFailed(this.id, status, await this.history());
      if (!(await this.#driver.next())) {
        throw new Error(`execution '${this.id}' waits for a message, and nothing else is due: send it one`);
      }
    }
  }

  /** The recorded events of its latest run, ready for `replay`. */
  history(): Promise<HistoryEvent[]> {
    return this.#driver.history(this.id);
  }
}
