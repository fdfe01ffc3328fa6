/**
 * A deployment whose workflows are pinned, with two versions: the workers of the second one start while executions run, those of
 * a version are away for a while, and an operator promotes, ramps and rolls back, through calls that may die.
 */
import type { ServedVersion } from "../../sdk/worker/types.ts";
import { promoteDeployment, rollBackDeployment } from "../../shared/api/promotion.ts";
// Loaded at once, as in `server.ts`.
import "../../shared/routing/current.ts";
import type { StartRequest } from "../../shared/engine/create.ts";
import type { ResetRequest } from "../../shared/engine/reset.ts";
import type { Ports } from "../../shared/ports.ts";
import { isRefusal } from "../../shared/protocol/errors.ts";
import { versionDeployment } from "../../shared/protocol/ids.ts";
import { routeToWorkflow } from "../../shared/routing/client-start.ts";
import { PROGRAMS } from "./programs.ts";
import { DEPLOYMENT, type Server, WORKSPACE } from "./server.ts";
import { Violation } from "./store.ts";

const NAMES = ["v1", "v2"] as const;
const VERSIONS = NAMES.map((name) => versionDeployment(DEPLOYMENT, name));
/** Nobody is away, and nothing is promoted, after so long. */
const CHANGES_MS = 300_000;
/** So often the operator promotes the second version in the end. */
const SETTLES = 10;
const EVERY_MS = [2_000, 20_000, 80_000];

type Route = Pick<StartRequest, "deployment" | "registration" | "deploymentNamed">;
/** An execution that began before its workflow was pinned. */
const BEFORE = "before";
const NAMED = [null, null, null, DEPLOYMENT, BEFORE, ...VERSIONS];

/** The processes of one version. */
export interface VersionGroup {
  readonly version: ServedVersion;
  /** When its first processes start. */
  readonly from: number;
  /** When a process starts that would start at `at`: not before the end of an absence. */
  startsAt(at: number): number;
  /** Calls `fn` when an absence begins that lies ahead. */
  onAbsence(fn: () => void): void;
}

export class Versions {
  readonly groups: readonly VersionGroup[];
  readonly #server: Server;
  readonly #hasOperator: boolean;

  constructor(server: Server) {
    const { world } = server;
    const { chance } = world;
    this.#server = server;
    const end = world.now + CHANGES_MS;
    this.groups = NAMES.map((name, i) => {
      const from = world.now + chance.between(5_000, 120_000);
      const to = chance.happens(0.6) ? chance.between(from, end) : from;
      return {
        version: { of: DEPLOYMENT, name, promote: true },
        from: world.now + (i === 0 ? 0 : chance.between(20_000, 90_000)),
        startsAt: (at) => (at >= from && at < to ? to : at),
        onAbsence: (fn) => {
          if (from < to && world.now < from) world.at(from, fn);
        },
      };
    });
    this.#hasOperator = chance.happens(0.7);
    const act = () => {
      if (world.now >= end) return this.#settle(SETTLES);
      this.#change();
      world.at(world.now + chance.oneOf(EVERY_MS), act);
    };
    if (this.#hasOperator) world.at(world.now + chance.oneOf(EVERY_MS), act);
  }

  /** A refusal changes nothing: no worker of the version is live, or it is not the current one. */
  #change(): void {
    const { chance } = this.#server.world;
    const deployment = chance.oneOf(VERSIONS);
    const body = chance.happens(0.5) ? { workflow_names: [chance.oneOf(Object.keys(PROGRAMS))] } : {};
    const ramp = chance.happens(0.4) ? { ramp_percent: chance.between(1, 100) } : {};
    const isBack = chance.happens(0.3);
    void this.#server.ask("promotion", async (context) => {
      if (isBack) await rollBackDeployment(context, deployment, body);
      else await promoteDeployment(context, deployment, { ...body, ...ramp });
    }).answer;
  }

  /** A roll-back may have left a workflow without a current version: starts that name none would wait for ever. The call may die. */
  #settle(times: number): void {
    const { world } = this.#server;
    void this.#server.ask("promotion", (context) => promoteDeployment(context, VERSIONS[1]!, {})).answer;
    if (times > 1) world.at(world.now + 20_000, () => this.#settle(times - 1));
  }

  /** What a start names; null: nothing. */
  named(): string | null {
    return this.#server.world.chance.oneOf(NAMED);
  }

  /** Where a start goes; null: nowhere yet. */
  async route(ports: Ports, of: { workflow: string; execution: string; named: string | null }): Promise<Route | null> {
    if (of.named === BEFORE) return { deployment: DEPLOYMENT, registration: null };
    const found = await routeToWorkflow(ports, WORKSPACE, of.workflow, of.named ?? undefined, of.execution);
    if (isRefusal(found)) return null;
    return { deployment: found.deployment, registration: found.id, deploymentNamed: found.deployment === of.named };
  }

  /** RESET-6. Some resets move the execution to another version, once that has the workflow. */
  async home(workflow: string): Promise<ResetRequest["into"]> {
    const { chance } = this.#server.world;
    const deployment = chance.oneOf(VERSIONS);
    if (chance.happens(0.5)) return undefined;
    const [found] = await this.#server.registry.registrations(WORKSPACE, { workflow, deployment });
    return found && { deployment, registration: found.id };
  }

  /** PINNED-3: without an operator the youngest version is the current one in the end. */
  async check(): Promise<void> {
    if (this.#hasOperator) return;
    const { registry } = this.#server;
    const versions = (await registry.deployments(WORKSPACE)).filter(({ version }) => version);
    const [youngest] = versions.sort((a, b) => b.createdAt - a.createdAt || (a.name > b.name ? -1 : 1));
    for (const workflow of Object.keys(PROGRAMS)) {
      const current = await registry.current(WORKSPACE, workflow);
      if (current?.deployment !== youngest?.name)
        throw new Violation("PINNED-3", `'${workflow}' starts on ${current?.deployment}, not on ${youngest?.name}`);
    }
  }
}
