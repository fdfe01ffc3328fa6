/**
 * Fences of executions on one machine. A claim may leave before it is on the disk (CLAIM-6), so a crash may lose one that a worker has.
 *
 * FENCE-1. No fence of a run is given twice, also where a crash has lost what raised it. Each process that opens the file counts
 *     itself, and the fences that it gives begin at a number that no earlier process has reached, at a place of its range that is random, because
 *     processes on two copies of a file count the same. So after a crash the worker with the lost claim does not own the
 *     execution, and nobody else gets its fence. The first claim after a start is fence 2 in any process, because one that
 *     leaves early leaves with its start, and names a run that is lost too (CLAIM-2). The next run of an execution may get a fence that a crash has
 *     lost: nobody asks for a fence without its run.
 * FENCE-2. Claims leave so only once the count is on the disk: otherwise another process could count the same.
 * FENCE-3. The fences of such claims are odd, those of other claims and of wake-ups even. A batch with an odd fence of an earlier process is
 *     written only while the head has this very fence. Otherwise the claim was lost, or nobody can tell: after a later claim has passed a
 *     lost fence, its session may have found nothing to do and parked, and a batch of the lost claim could begin a timer that no
 *     due time covers. The same goes for a fence ahead of the head, after an older copy of the file was put in its place. A batch
 *     that is there already is answered as always. Workers that do not know the answer `fenced` have no odd fences.
 */
import { randomInt } from "node:crypto";
import type { Database } from "./database.ts";

/** More than the claims that one process gives one execution, and room for 8 million processes in the integers that JavaScript has. */
const FENCES_OF_A_PROCESS = 2 ** 30;

export class Fences {
  /** The least fence of this process, but for first claims. */
  readonly least: number;
  #isCounted = false;

  constructor(db: Database) {
    const openings = Number(db.one("SELECT value FROM meta WHERE name = 'openings'")?.value ?? 0) + 1;
    db.run("INSERT OR REPLACE INTO meta (name, value) VALUES ('openings', ?)", openings);
    this.least = openings * FENCES_OF_A_PROCESS + randomInt(FENCES_OF_A_PROCESS / 2);
    db.afterCommit(() => {
      this.#isCounted = true;
    });
  }

  /** FENCE-3. `present`: of the head. */
  mayBeLost(fence: number, present: number): boolean {
    const isEarly = fence % 2 === 1 && fence > FENCES_OF_A_PROCESS;
    return isEarly && fence !== present && (fence < this.least || fence > present);
  }

  /** FENCE-2. */
  get isCounted(): boolean {
    return this.#isCounted;
  }
}
