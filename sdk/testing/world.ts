/** The server of a test: engine and API in memory, on a virtual clock. */
import { DEFAULT_WORKSPACE } from "../../shared/api/auth.ts";
import { createKey } from "../../shared/api/create-key.ts";
import type { Api } from "../../shared/api/dispatch-request.ts";
import { createApi } from "../../shared/api/index.ts";
import type { Settings } from "../../shared/ports.ts";
import type { HistoryEvent, Millis } from "../../shared/protocol/history.ts";
import { type Embedded, embedded } from "../../shared/server/embedded.ts";
import type { Log } from "../runtime/log.ts";
import { VirtualClock } from "./clock.ts";
import type { ApiAnswer } from "./driver.ts";
import { RunsAtOnce } from "./runs-at-once.ts";
import { type InProcess, inProcess, request } from "./transport.ts";

/** Later than any time that a test reaches. */
export const NEVER: Millis = 1e13;
export const LEASE_MS: Millis = 30_000;
export const DEPLOYMENT = "test";

export class World {
  readonly clock: VirtualClock;
  readonly engine: Embedded;
  /** For workers. */
  readonly transport: InProcess;
  readonly runsAtOnce: RunsAtOnce;
  readonly #api: Api;
  readonly #key: string;

  private constructor(clock: VirtualClock, engine: Embedded, api: Api, key: string, maxRunsAtOnce: number) {
    this.clock = clock;
    this.engine = engine;
    this.#api = api;
    this.#key = key;
    this.runsAtOnce = new RunsAtOnce(maxRunsAtOnce, () => clock.now());
    const onContinued = (execution: string) => this.runsAtOnce.continued(execution);
    this.transport = inProcess(api, key, engine, DEFAULT_WORKSPACE, onContinued);
  }

  static async create(
    start: Date,
    log: Log,
    { settings, maxRunsAtOnce }: { settings: Partial<Settings>; maxRunsAtOnce: number },
  ): Promise<World> {
    const clock = new VirtualClock(start.getTime());
    const engine = embedded({
      clock,
      log,
      settings: {
        // Workers in tests fail only when told to, so sessions need no heartbeats to stay alive.
        heartbeatMs: NEVER,
        sessionTimeoutMs: NEVER,
        livenessMs: NEVER,
        leaseMs: LEASE_MS,
        graceMs: 0,
        retentionMs: NEVER,
        ...settings,
      },
    });
    const api = createApi(engine, { version: "test", url: "http://test" });
    const { key } = await createKey(engine, { workspace: DEFAULT_WORKSPACE, name: "test" });
    return new World(clock, engine, api, key, maxRunsAtOnce);
  }

  /** Any call of the API. */
  request(method: string, target: string, body?: unknown): Promise<ApiAnswer> {
    return request(this.#api, this.#key, method, target, body);
  }

  async history(execution: string): Promise<HistoryEvent[]> {
    const answer = await this.request("GET", `/v1/workflows/executions/${execution}/history?decode_payloads=true`);
    return (answer.body as { events: HistoryEvent[] }).events;
  }

  /** Tells the engine that the session has died: its work is taken over. */
  endSession(session: string): void {
    void this.engine.registry.leave({ workspace: DEFAULT_WORKSPACE, deployment: DEPLOYMENT, worker: "", session });
  }

  close(): void {
    this.engine.close();
  }
}
