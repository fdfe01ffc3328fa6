/** What the demo asks of the server: all through the official client, again and again while the server is away. */
import { setTimeout as delay } from "node:timers/promises";
import { Mistral } from "@mistralai/mistralai";

const WORKFLOW = "process_invoice";
const PAUSE_MS = 250;

export interface Closed {
  readonly status: string;
  readonly result: unknown;
  /** Names of the error and its causes, outermost first. */
  readonly failure: readonly string[];
  /** Activities by name, one for each attempt whose worker died under it. */
  readonly lost: readonly string[];
}

export class Client {
  readonly mistral: Mistral;
  readonly #deployment: string;
  /** Calls that found no server and were made again. */
  repeated = 0;

  constructor(p: { url: string; key: string; deployment: string }) {
    this.mistral = new Mistral({ apiKey: p.key, serverURL: p.url, timeoutMs: 15_000 });
    this.#deployment = p.deployment;
  }

  /** Starts an execution under this id exactly once, also when an answer is lost on the way. */
  async start(executionId: string, input: object): Promise<void> {
    let mayHaveStarted = false;
    await this.#patiently(async () => {
      if (mayHaveStarted && (await this.#exists(executionId))) return;
      mayHaveStarted = true;
      await this.mistral.workflows.executeWorkflow({
        workflowIdentifier: WORKFLOW,
        workflowExecutionRequest: { executionId, input, deploymentName: this.#deployment },
      });
    });
  }

  /** Undefined while no worker is there to answer. */
  async status(executionId: string): Promise<{ step: string; reminders: number } | undefined> {
    return this.#patiently(async () => {
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
    await this.#patiently(async () => {
      await this.mistral.workflows.executions.signalWorkflowExecution({
        executionId,
        signalInvocationBody: { name: "decide", input: decision },
      });
    });
  }

  /** Names; none while the deployment is unknown. */
  async liveWorkers(): Promise<string[]> {
    return this.#patiently(async () => {
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
    return this.#patiently(async () => {
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

  async #patiently<T>(call: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await call();
      } catch (error) {
        if (statusOf(error) !== undefined) throw error; // there was an answer
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

/** HTTP status of an answer that the client made an error of; undefined if there was no answer. */
export function statusOf(error: unknown): number | undefined {
  const { statusCode } = error as { statusCode?: unknown };
  return typeof statusCode === "number" ? statusCode : undefined;
}
