/** A handle on one execution in a test. */
import type { HistoryEvent } from "../../shared/protocol/history.ts";
import type { InputArgs, MessageArgs } from "../schema.ts";
import type { Workflow } from "../workflow/define.ts";
import type { Query, Signal, Update } from "../workflow/handlers.ts";
import { unwrapResult } from "../workflow/result.ts";
import type { Driver } from "./environment.ts";

/** The API refused a call; `status`, `code` and `body` are those of the answer. */
export class TestRefusal extends Error {
  readonly status: number;
  readonly body: unknown;
  constructor(what: string, status: number, body: unknown) {
    super(`${what}: ${status} ${JSON.stringify(body)}`);
    this.name = "TestRefusal";
    this.status = status;
    this.body = body;
  }
}

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
  readonly #workflow: Workflow<never, Out> | undefined;

  constructor(id: string, driver: Driver, workflow?: Workflow<never, Out>) {
    this.id = id;
    this.#driver = driver;
    this.#workflow = workflow;
  }

  async #call(what: string, method: string, path: string, body?: unknown): Promise<unknown> {
    const target = `/v1/workflows/executions/${encodeURIComponent(this.id)}${path}`;
    const answer = await this.#driver.api(method, target, body);
    if (answer.status >= 300) throw new TestRefusal(what, answer.status, answer.body);
    return answer.body;
  }

  async signal<In>(signal: Signal<In>, ...[input]: MessageArgs<In>): Promise<void> {
    await this.#call(`signal '${signal.name}'`, "POST", "/signals", { name: signal.name, input: input ?? {} });
    await this.#driver.settle();
  }

  async query<In, Out2>(query: Query<In, Out2>, ...[input]: InputArgs<In>): Promise<Out2> {
    await this.#driver.settle();
    const body = { name: query.name, ...(input === undefined ? {} : { input }) };
    return ((await this.#call(`query '${query.name}'`, "POST", "/queries", body)) as { result: Out2 }).result;
  }

  async update<In, Out2>(update: Update<In, Out2>, ...[input]: MessageArgs<In>): Promise<Out2> {
    const body = { name: update.name, input: input ?? {} };
    return ((await this.#call(`update '${update.name}'`, "POST", "/updates", body)) as { result: Out2 }).result;
  }

  async cancel(): Promise<void> {
    await this.#call("cancel", "POST", "/cancel");
    await this.#driver.settle();
  }

  async terminate(): Promise<void> {
    await this.#call("terminate", "POST", "/terminate");
    await this.#driver.settle();
  }

  /** RUNNING, COMPLETED, FAILED, CANCELED, TERMINATED or TIMED_OUT. */
  async status(): Promise<string> {
    await this.#driver.settle();
    return ((await this.#call("get", "GET", "")) as Answer).status;
  }

  /**
   * The result; time moves on as far as it must. Throws `TestExecutionFailed` when it did not complete, and an error
   * that says so when it waits for something that only the test can send.
   */
  async result(): Promise<Out> {
    for (;;) {
      await this.#driver.settle();
      const { status, result } = (await this.#call("get", "GET", "")) as Answer;
      if (status === "COMPLETED") return unwrapResult(result, this.#workflow?.outputSchema ?? null) as Out;
      if (status !== "RUNNING") throw new TestExecutionFailed(this.id, status, await this.history());
      if (!(await this.#driver.next())) {
        throw new Error(`execution '${this.id}' waits for a message, and nothing else will ever happen: send it one`);
      }
    }
  }

  /** The recorded events of its latest run, ready for `replay`. */
  history(): Promise<HistoryEvent[]> {
    return this.#driver.history(this.id);
  }
}
