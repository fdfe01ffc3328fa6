/**
 * Reads again what an event has changed. Events come in bursts, so each read waits a moment for more of them; a hidden tab
 * waits until it is shown, and a paused one until the person goes on.
 */
import type { StreamEventPayload } from "../../../shared/protocol/http/events.ts";
import type { Called } from "../api/operations.ts";
import { queries } from "../api/use.ts";
import { isPaused, onPause } from "./pause.ts";

const MOMENT_MS = 400;

/** Reads about one execution. */
const OF_EXECUTION: ReadonlySet<string> = new Set<Called>([
  "getWorkflowExecution",
  "explainWorkflowExecution",
  "getRun",
  "getRunHistory",
]);
/** Reads about many executions, which only starts and ends change. */
const OF_MANY: ReadonlySet<string> = new Set<Called>(["listRuns", "countRuns", "getScheduleLog", "getSchedules"]);
/** Reads about the questions to people, which appear and go while an execution runs. */
const OF_QUESTIONS: ReadonlySet<string> = new Set<Called>(["listInputs", "countRuns"]);
const QUESTION = "wait_for_input";

export class Refresh {
  readonly #executions = new Set<string>();
  #many = false;
  #failed = false;
  #asked = false;
  readonly #listeners = new Set<(executions: ReadonlySet<string>) => void>();
  #timer: ReturnType<typeof setTimeout> | null = null;
  readonly #closed = new AbortController();

  constructor() {
    document.addEventListener("visibilitychange", () => this.#plan(), { signal: this.#closed.signal });
    const off = onPause(() => {
      if (!isPaused()) void queries.invalidateQueries();
    });
    this.#closed.signal.addEventListener("abort", off);
  }

  close(): void {
    this.#closed.abort();
    if (this.#timer) clearTimeout(this.#timer);
  }

  /** Tells the ids of the executions and runs that have changed, for what is read besides the queries. */
  onChanged(listener: (ids: ReadonlySet<string>) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  take({ data }: StreamEventPayload): void {
    this.#executions.add(data.workflow_exec_id).add(data.workflow_run_id);
    if (data.event_type.startsWith("WORKFLOW_EXECUTION_")) this.#many = true;
    if (data.event_type === "WORKFLOW_EXECUTION_FAILED") this.#failed = true;
    if ("custom_task_type" in data.attributes && data.attributes.custom_task_type === QUESTION) this.#asked = true;
    this.#plan();
  }

  #plan(): void {
    if (this.#timer || isPaused() || document.hidden || this.#executions.size === 0) return;
    this.#timer = setTimeout(() => this.#run(), MOMENT_MS);
  }

  #run(): void {
    this.#timer = null;
    if (isPaused() || document.hidden) return;
    const changed = new Set(this.#executions);
    const many = this.#many;
    const failed = this.#failed;
    const asked = this.#asked || many;
    this.#executions.clear();
    this.#many = false;
    this.#failed = false;
    this.#asked = false;
    for (const listener of this.#listeners) listener(changed);
    void queries.invalidateQueries({
      predicate: ({ queryKey: [operation, params] }) => {
        if (operation === ("listFailures" satisfies Called)) return failed;
        if (OF_QUESTIONS.has(operation as string)) return asked;
        if (OF_MANY.has(operation as string)) return many;
        if (!OF_EXECUTION.has(operation as string)) return false;
        const { execution_id, run_id } = (params ?? {}) as Record<string, string>;
        return changed.has(execution_id ?? "") || changed.has(run_id ?? "");
      },
    });
  }
}
