/** The calls over HTTP of workers on this machine, for which the server stays awake (AWAKE-1). */
import { Awake, type AwakeOptions } from "../../shared/lib/awake.ts";
import { isLoopback } from "../../shared/lib/loopback.ts";
import { isWorkerPath } from "../../shared/protocol/worker-path.ts";

export class LocalWorkers {
  readonly #awake: Awake;
  #underWay = 0;

  constructor(options?: AwakeOptions) {
    this.#awake = new Awake(options);
  }

  /** A request has come. Null: it is no call of such a worker. */
  begin(target: string, address: string | undefined): LocalCall | null {
    if (!isWorkerPath(target) || !isLoopback(address)) return null;
    this.#awake.came();
    this.#underWay += 1;
    return {
      sent: (characters) => this.#awake.sent(characters, this.#underWay),
      end: () => {
        this.#underWay -= 1;
      },
    };
  }
}

export interface LocalCall {
  /** The answer was written, or a part of it. */
  readonly sent: (characters: number) => void;
  /** To be called once. */
  readonly end: () => void;
}
