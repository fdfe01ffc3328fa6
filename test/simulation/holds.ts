/** An operator who holds and releases the executions of a world at random points, through calls that may die. */
import { releaseRound } from "../../shared/engine/release.ts";
import type { Hold, Ports } from "../../shared/ports.ts";
import { DEPLOYMENT, type Server, WORKSPACE } from "./server.ts";

const EVERY_MS = [1_000, 10_000, 60_000];

/** Until `end`, when all is released. A slow call may hold again after that, so the operator goes on looking. */
export function holdAndRelease(server: Server, end: number): void {
  const { world } = server;
  const { chance } = world;
  const act = () => {
    const over = world.now >= end;
    void server.call("hold", (ports) => change(ports, over ? "release" : chance.oneOf(["hold", "release", "rate"])))
      .answer;
    const looks = server.heldScopes > 0 ? 1_000 : 60_000;
    world.at(world.now + (over ? looks : chance.oneOf(EVERY_MS)), act);
  };
  world.at(world.now + chance.oneOf(EVERY_MS), act);
}

async function change(ports: Ports, what: "hold" | "release" | "rate"): Promise<void> {
  const { version, holds } = await ports.registry.holds(WORKSPACE);
  const since = ports.clock.now();
  const none: Hold = { deployment: DEPLOYMENT, workflow: null, since, by: "op", reason: null, release: null };
  const perSecond = what === "rate" ? 2 : null;
  const next =
    what === "hold"
      ? [none]
      : holds.map((each) =>
          each.release && what === "release" && each.release.perSecond === null
            ? each // under way
            : { ...each, release: { since, perSecond, reached: null } },
        );
  if (await ports.registry.setHolds(WORKSPACE, { version: version + 1, holds: next }))
    if (what !== "hold") await releaseRound(ports, WORKSPACE, 2_000, since + 2_000);
}
