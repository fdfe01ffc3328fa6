/** What the handles of a test (`TestExecution`, `TestSchedule`) need of its environment. */
import type { HistoryEvent } from "../../shared/protocol/history.ts";

export interface ApiAnswer {
  readonly status: number;
  readonly body: unknown;
}

export interface Driver {
  /** Any call of the API; time moves on until it is answered. */
  api(method: string, target: string, body?: unknown): Promise<ApiAnswer>;
  /** Runs everything that can run without time moving. */
  untilIdle(): Promise<void>;
  /** Moves to the next due moment. False: only a message can make a difference. */
  next(): Promise<boolean>;
  history(execution: string): Promise<HistoryEvent[]>;
  /** Whether a worker of the test may have this activity. */
  mayRun(activity: string): boolean;
}

/** The API refused a call; `status` and `body` are those of the answer. */
export class TestRefusal extends Error {
  readonly status: number;
  readonly body: unknown;
  constructor(what: string, { status, body }: ApiAnswer) {
    super(`${what}: ${status} ${JSON.stringify(body)}`);
    this.name = "TestRefusal";
    this.status = status;
    this.body = body;
  }
}

/** One resource of the API, such as an execution. */
export class Resource {
  readonly #driver: Driver;
  readonly #path: string;

  constructor(driver: Driver, collection: string, id: string) {
    this.#driver = driver;
    this.#path = `/v1/workflows/${collection}/${encodeURIComponent(id)}`;
  }

  /** The body of the answer; `what` names the call in the `TestRefusal` that a refusal throws. */
  async call<T>(what: string, method: string, path: string, body?: unknown): Promise<T> {
    const answer = await this.#driver.api(method, `${this.#path}${path}`, body);
    if (answer.status >= 300) throw new TestRefusal(what, answer);
    return answer.body as T;
  }
}
