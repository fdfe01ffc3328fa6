/** In workflow code every clock shows the time of the last stimulus (INSTANCE-2). */
import { sandboxed, type WorkflowFrame } from "../runtime/frame.ts";
import { replace } from "./replace.ts";

const elapsed = (frame: WorkflowFrame) => frame.ops.time - frame.ops.started.at;

export function replaceClock(): void {
  replaceDate();
  replace(
    Object.getPrototypeOf(performance),
    "now",
    (real) =>
      function now() {
        const frame = sandboxed();
        return frame ? elapsed(frame) : real.call(this);
      },
  );
  replace(
    process,
    "hrtime",
    (real) =>
      function hrtime(since?: [number, number]) {
        const frame = sandboxed();
        if (!frame) return real.call(this, since);
        const ms = elapsed(frame);
        const [seconds, nanoseconds] = [Math.floor(ms / 1000), (ms % 1000) * 1e6];
        if (!since) return [seconds, nanoseconds];
        const borrow = nanoseconds < since[1] ? 1 : 0;
        return [seconds - since[0] - borrow, nanoseconds - since[1] + borrow * 1e9];
      },
  );
  replace(
    process.hrtime,
    "bigint",
    (real) =>
      function bigint() {
        const frame = sandboxed();
        return frame ? BigInt(elapsed(frame)) * 1_000_000n : real.call(this);
      },
  );
}

function replaceDate(): void {
  const RealDate = Date;
  function WorkflowDate(...args: unknown[]): unknown {
    const frame = sandboxed();
    if (!new.target) return frame ? new RealDate(frame.ops.time).toString() : RealDate();
    const given = frame && args.length === 0 ? [frame.ops.time] : args;
    return Reflect.construct(RealDate, given, new.target);
  }
  for (const key of Reflect.ownKeys(RealDate)) {
    Object.defineProperty(WorkflowDate, key, Object.getOwnPropertyDescriptor(RealDate, key)!);
  }
  replace(
    WorkflowDate,
    "now",
    (real) =>
      function now() {
        const frame = sandboxed();
        return frame ? frame.ops.time : real();
      },
  );
  Object.defineProperty(RealDate.prototype, "constructor", { value: WorkflowDate, writable: true, configurable: true });
  Object.defineProperty(globalThis, "Date", { value: WorkflowDate, writable: true, configurable: true });
}
