/**
 * Work that may take long in a thread of its own, one piece at a time, with a time limit that ends the thread. In a bundle
 * without the thread's module the caller has to do the work itself.
 */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { isMainThread, parentPort, Worker } from "node:worker_threads";
import type { Millis } from "../protocol/history.ts";

export type AsideResult<T> = { readonly value: T } | { readonly failed: string };

export class Aside<In, Out> {
  readonly #module: URL;
  readonly isAvailable: boolean;
  #thread: Worker | undefined;
  #last: Promise<unknown> = Promise.resolve();
  #settle: (result: AsideResult<Out> | "late") => void = () => {};

  constructor(module: URL) {
    this.#module = module;
    this.isAvailable = module.protocol === "file:" && existsSync(fileURLToPath(module));
  }

  /** The result of the thread's function; `late`: it took longer than `ms`, and its thread was ended. */
  run(data: In, ms: Millis): Promise<AsideResult<Out> | "late"> {
    const result = this.#last.then(() => this.#call(data, ms));
    this.#last = result.catch(() => {}); // such as no room for a thread: the next call tries again
    return result;
  }

  #call(data: In, ms: Millis): Promise<AsideResult<Out> | "late"> {
    const thread = this.#began();
    return new Promise((resolve) => {
      thread.postMessage(data);
      const timer = setTimeout(() => {
        this.#end(thread);
        this.#settle("late");
      }, ms).unref();
      this.#settle = (result) => {
        clearTimeout(timer);
        this.#settle = () => {};
        resolve(result);
      };
    });
  }

  #began(): Worker {
    if (this.#thread) return this.#thread;
    const thread = new Worker(this.#module);
    const failed = (why: unknown) => {
      if (this.#thread !== thread) return;
      this.#end(thread);
      this.#settle({ failed: String(why) });
    };
    thread.on("message", (result: AsideResult<Out>) => {
      if (this.#thread === thread) this.#settle(result);
    });
    thread.on("error", failed);
    thread.on("exit", () => failed("the thread ended"));
    thread.unref(); // the caller's connection holds the process: a stopped server does not wait for checks that nobody waits for
    this.#thread = thread;
    return thread;
  }

  #end(thread: Worker): void {
    this.#thread = undefined;
    void thread.terminate();
  }
}

/** In the module of a thread: answers each piece of work. */
export function serveAside<In, Out>(work: (data: In) => Out): void {
  if (isMainThread) return;
  parentPort?.on("message", (data: In) => {
    let result: AsideResult<Out>;
    try {
      result = { value: work(data) };
    } catch (error) {
      result = { failed: String(error) };
    }
    parentPort?.postMessage(result);
  });
}
