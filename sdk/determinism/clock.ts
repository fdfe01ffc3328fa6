/** In workflow code every clock shows the time of the last stimulus (INSTANCE-2). */
import { sandboxed, type WorkflowFrame } from "../runtime/frame.ts";
import { refuse, refuseValue } from "./outside.ts";
import { type AnyFunction, replace, replaceGetter } from "./replace.ts";

const elapsed = (frame: WorkflowFrame) => frame.ops.time - frame.ops.started.at;

export function replaceClock(): void {
  replaceDate();
  replaceFormats();
  replaceTemporal();
  const monotonic = Object.getPrototypeOf(performance);
  const perf = process.getBuiltinModule("node:perf_hooks");
  void globalThis.PerformanceMark; // Node defines it at its first use
  for (const target of [globalThis, perf]) refuse(target, ["PerformanceMark"], (name) => `new ${name}()`);
  refuse(perf, ["monitorEventLoopDelay", "timerify"], (name) => `perf_hooks.${name}()`);
  refuse(Object.getPrototypeOf(perf.createHistogram()), ["recordDelta"], (name) => `${name}() of a histogram`);
  replaceGetter(
    Event.prototype,
    "timeStamp",
    (real) =>
      function (this: unknown) {
        const frame = sandboxed();
        return frame ? elapsed(frame) : real.call(this);
      },
  );
  for (const target of [globalThis, process.getBuiltinModule("node:buffer")]) replaceFile(target);
  replaceGetter(
    monotonic,
    "timeOrigin",
    (real) =>
      function (this: unknown) {
        const frame = sandboxed();
        return frame ? frame.ops.started.at : real.call(this);
      },
  );
  const entries = ["getEntries", "getEntriesByName", "getEntriesByType"];
  const measuring = [...entries, "eventLoopUtilization", "mark", "measure", "timerify", "toJSON"];
  refuse(monotonic, measuring, (name) => `performance.${name}()`);
  refuseValue(monotonic, "nodeTiming", "performance.nodeTiming");
  replace(
    process,
    "uptime",
    (real) =>
      function uptime() {
        const frame = sandboxed();
        return frame ? elapsed(frame) / 1000 : real.call(this);
      },
  );
  replace(
    monotonic,
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

/** A file whose maker names no time has the present one. */
function replaceFile(target: object): void {
  void (target as { File?: unknown }).File; // Node defines it at its first use
  replace(
    target,
    "File",
    (real) =>
      function File(...args: unknown[]) {
        const frame = sandboxed();
        if (frame) args[2] = { lastModified: frame.ops.time, ...(args[2] as object | undefined) };
        return new.target ? Reflect.construct(real, args, new.target) : real.apply(undefined, args);
      },
  );
}

/** `format()` without an argument formats the present time. */
function replaceFormats(): void {
  const { prototype } = Intl.DateTimeFormat;
  const now = (date: unknown) => (date === undefined ? sandboxed()?.ops.time : date);
  const bound = new WeakMap<object, unknown>();
  replaceGetter(
    prototype,
    "format",
    (real) =>
      function (this: object) {
        const format = real.call(this) as (date?: unknown) => string;
        if (!bound.has(this)) bound.set(this, (date?: unknown) => format(now(date)));
        return bound.get(this);
      },
  );
  replace(
    prototype,
    "formatToParts",
    (real) =>
      function formatToParts(date?: unknown) {
        return real.call(this, now(date));
      },
  );
}

interface TemporalLike {
  readonly Now: object & { timeZoneId(): string };
  readonly Instant: {
    fromEpochMilliseconds(ms: number): { toZonedDateTimeISO(zone: unknown): Record<string, AnyFunction> };
  };
}

/** `Temporal` exists in Node from 26 on, and behind a flag before. */
function replaceTemporal(): void {
  const { Temporal } = globalThis as unknown as { Temporal?: TemporalLike };
  if (!Temporal) return;
  const { Now, Instant } = Temporal;
  const { timeZoneId } = Now;
  const zoned = (frame: WorkflowFrame, zone: unknown) =>
    Instant.fromEpochMilliseconds(frame.ops.time).toZonedDateTimeISO(zone ?? timeZoneId.call(Now));
  const inWorkflow = (name: string, make: (frame: WorkflowFrame, zone: unknown) => unknown) =>
    replace(Now, name, (real) => (zone?: unknown) => {
      const frame = sandboxed();
      return frame ? make(frame, zone) : real.call(Now, zone);
    });
  inWorkflow("instant", (frame) => Instant.fromEpochMilliseconds(frame.ops.time));
  inWorkflow("zonedDateTimeISO", zoned);
  inWorkflow("plainDateTimeISO", (frame, zone) => zoned(frame, zone).toPlainDateTime!());
  inWorkflow("plainDateISO", (frame, zone) => zoned(frame, zone).toPlainDate!());
  inWorkflow("plainTimeISO", (frame, zone) => zoned(frame, zone).toPlainTime!());
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
