/** The demo's calls to the server, through the official client. Each call is repeated while the server cannot be reached. */
import { setTimeout as delay } from "node:timers/promises";
import { Mistral } from "@mistralai/mistralai";

const WORKFLOW = "process_invoice";
const PAUSE_MS = 250;

export interface Closed {
  readonly status: string;
  readonly result: unknown;
  /** Names of the error and its causes, outermost first. */
  readonly failure: readonly string[];
  /** Names of activities, one for each attempt that was lost with its worker. */
  readonly lost: readonly string[];
}

export class Client {
  readonly mistral: Mistral;
  readonly #deployment: string;
  /** Calls that did not reach the server and were repeated. */
  repeated = 0;

  constructor(p: { url: string; key: string; deployment: string }) {
    this.mistral = new Mistral({ apiKey: p.key, serverURL: p.url, timeoutMs: 15_000 });
    this.#deployment = p.deployment;
  }

  /** Starts an execution under this id exactly once, even if an answer is lost. */
  async start(executionId: string, input: object): Promise<void> {
    let mayHaveStarted = false;
    await this.#retryUntilAnswered(async () => {
      if (mayHaveStarted && (await this.#exists(executionId))) return;
      mayHaveStarted = true;
      await this.mistral.workflows.executeWorkflow({
        workflowIdentifier: WORKFLOW,
        workflowExecutionRequest: { executionId, input, deploymentName: this.#deployment },
      });
    });
  }

  /** Undefined while no worker can answer the query. */
  async status(executionId: string): Promise<{ step: string; reminders: number } | undefined> {
    return this.#retryUntilAnswered(async () => {
      try {
        const answer = await this.mistral.workflows.executions.queryWorkflowExecution({
          executionId,
          queryInvocationBody: { name: "status" },
        });
        return answer.result as { step: string; reminders: number };
      } catch (error) {
        if (statusOf(error) !== 404 && statusOf(error) !== 409 && statusOf(error) !== 504) throw error;
        return undefined;
      }
    });
  }

  async decide(executionId: string, decision: { approved: boolean; by: string; why?: string }): Promise<void> {
    await this.#retryUntilAnswered(async () => {
      await this.mistral.workflows.executions.signalWorkflowExecution({
        executionId,
        signalInvocationBody: { name: "decide", input: decision },
      });
    });
  }

  /** Names of live workers; empty while the deployment is unknown. */
  async liveWorkers(): Promise<string[]> {
    return this.#retryUntilAnswered(async () => {
      try {
        const { workers } = await this.mistral.workflows.deployments.getDeployment({ name: this.#deployment });
        return workers.filter((w) => w.isActive).map((w) => w.name);
      } catch (error) {
        if (statusOf(error) !== 404) throw error;
        return [];
      }
    });
  }

  async closed(executionId: string): Promise<Closed> {
    return this.#retryUntilAnswered(async () => {
      const { executions } = this.mistral.workflows;
      const { status, result } = await executions.getWorkflowExecution({ executionId });
      const { events } = (await executions.getWorkflowExecutionHistory({ executionId })) as { events: Recorded[] };
      const last = events.at(-1);
      return {
        status: String(status),
        result,
        failure: namesOf(last?.failure),
        lost: events
          .filter((e) => e.kind === "activity_attempt_failed" && e.reason === "lost")
          .map((e) => e.name ?? ""),
      };
    });
  }

  async #exists(executionId: string): Promise<boolean> {
    try {
      await this.mistral.workflows.executions.getWorkflowExecution({ executionId });
      return true;
    } catch (error) {
      if (statusOf(error) === 404) return false;
      throw error;
    }
  }

  async #retryUntilAnswered<T>(call: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await call();
      } catch (error) {
        if (statusOf(error) !== undefined) throw error; // the server has answered
        this.repeated += 1;
        await delay(PAUSE_MS);
      }
    }
  }
}

interface Failure {
  readonly type?: string;
  readonly cause?: Failure;
}
interface Recorded {
  readonly kind: string;
  readonly name?: string;
  readonly reason?: string;
  readonly failure?: Failure;
}

const namesOf = (failure: Failure | undefined): string[] =>
  failure ? [failure.type ?? "Error", ...namesOf(failure.cause)] : [];

/** The HTTP status of an error of the client; undefined if the server did not answer. */
export function statusOf(error: unknown): number | undefined {
  const { statusCode } = error as { statusCode?: unknown };
  return typeof statusCode === "number" ? statusCode : undefined;
}
