/** What a run waits for, in words, as far as its history tells: for messages about a divergence. */
import type { Decision, Stimulus } from "../../shared/protocol/history.ts";

export class OpenWork {
  readonly #open = new Map<string, string>();

  ask(decision: Decision): void {
    switch (decision.kind) {
      case "activity_scheduled":
        this.#open.set(`activity ${decision.activity}`, `activity ${decision.activity} "${decision.name}"`);
        return;
      case "timer_started":
        this.#open.set(`timer ${decision.timer}`, `timer ${decision.timer}`);
        return;
      case "timer_cancelled":
        this.#open.delete(`timer ${decision.timer}`);
        return;
      case "child_scheduled":
        this.#open.set(`child ${decision.child}`, `child ${decision.child} "${decision.workflow}"`);
        return;
    }
  }

  learn(stimulus: Stimulus): void {
    if ("activity" in stimulus) this.#open.delete(`activity ${stimulus.activity}`);
    else if ("timer" in stimulus) this.#open.delete(`timer ${stimulus.timer}`);
    else if ("child" in stimulus) this.#open.delete(`child ${stimulus.child}`);
  }

  describe(): string[] {
    return [...this.#open.values()];
  }
}
