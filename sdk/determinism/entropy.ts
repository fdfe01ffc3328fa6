/** In workflow code random values come from the run's own stream, so that every replay draws the same ones. */
import { sandboxed, workflowFrame } from "../runtime/frame.ts";
import type { Random } from "../runtime/random.ts";
import { Random as Stream } from "../runtime/random.ts";
import { refuse } from "./outside.ts";
import { SandboxError } from "./refused.ts";
import { replace } from "./replace.ts";

/** The stream for the running code. Code that may only read must not advance the run's stream: it gets one of its own. */
export function streamOf(frame = workflowFrame("randomness")): Random {
  const { ops, readOnly } = frame;
  return readOnly === null ? ops.random : new Stream(`${ops.started.run}/${readOnly}`);
}

const streamHere = (): Random | undefined => {
  const frame = sandboxed();
  return frame && streamOf(frame);
};

const withCallback = (name: string): SandboxError =>
  new SandboxError(
    `crypto.${name}() with a callback`,
    workflowFrame("randomness").ops.name,
    "call it without one: then it answers at once, the same on every replay.",
  );

export function replaceEntropy(): void {
  replace(
    Math,
    "random",
    (real) =>
      function random() {
        const stream = streamHere();
        return stream ? stream.fraction() : real();
      },
  );
  const uuid = (real: (options?: object) => string) =>
    function randomUUID(this: unknown, options?: object) {
      const stream = streamHere();
      return stream ? stream.uuid() : real.call(this, options);
    };
  const fill = (real: (bytes: ArrayBufferView) => ArrayBufferView) =>
    function getRandomValues(this: unknown, bytes: ArrayBufferView) {
      const stream = streamHere();
      if (!stream) return real.call(this, bytes);
      stream.fill(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength));
      return bytes;
    };
  replace(Crypto.prototype, "randomUUID", uuid);
  replace(Crypto.prototype, "getRandomValues", fill);
  const crypto = process.getBuiltinModule("node:crypto");
  replace(crypto, "randomUUID", uuid);
  replace(crypto, "getRandomValues", fill);
  replace(
    crypto,
    "randomFillSync",
    (real) =>
      function randomFillSync(bytes: ArrayBufferView, ...rest: unknown[]) {
        const stream = streamHere();
        if (!stream || rest.length > 0) return real.call(this, bytes, ...rest);
        stream.fill(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength));
        return bytes;
      },
  );
  replace(
    crypto,
    "randomBytes",
    (real) =>
      function randomBytes(size: number, callback?: unknown) {
        const stream = streamHere();
        if (!stream) return real.call(this, size, callback);
        if (callback !== undefined) throw withCallback("randomBytes");
        const bytes = Buffer.alloc(size);
        stream.fill(bytes);
        return bytes;
      },
  );
  const made = ["generateKey", "generateKeyPair", "generateKeyPairSync", "generateKeySync", "generatePrime"];
  refuse(crypto, [...made, "generatePrimeSync", "randomFill", "randomUUIDv7"], (fn) => `crypto.${fn}()`);
  refuse(SubtleCrypto.prototype, ["generateKey"], (fn) => `crypto.subtle.${fn}()`);
  replace(
    crypto,
    "randomInt",
    (real) =>
      function randomInt(...args: unknown[]) {
        const [low, high] = typeof args[1] === "number" ? [args[0] as number, args[1]] : [0, args[0] as number];
        const stream = streamHere();
        if (stream && args.some((arg) => typeof arg === "function")) throw withCallback("randomInt");
        return stream ? low + Math.floor(stream.fraction() * (high - low)) : real.apply(this, args);
      },
  );
}
