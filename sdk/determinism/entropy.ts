/** In workflow code random values come from the run's own stream, so that every replay draws the same ones. */
import { types } from "node:util";
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

/** Algorithms whose signature of a text is always the same. The others (ECDSA, DSA, RSA-PSS, ML-DSA, SLH-DSA) draw numbers for each. */
const NOT_DRAWING: ReadonlySet<string | undefined> = new Set(["rsa", "ed25519", "ed448"]);

/** Keys, signatures and ciphers for which the platform draws random numbers by itself. */
function refuseRandomized(crypto: typeof import("node:crypto")): void {
  for (const [of, { prototype }] of Object.entries({
    ECDH: crypto.ECDH,
    DiffieHellman: crypto.DiffieHellman,
    DiffieHellmanGroup: (crypto as unknown as { DiffieHellmanGroup: { prototype: object } }).DiffieHellmanGroup,
  }))
    refuse(prototype, ["generateKeys"], (fn) => `${fn}() of crypto.${of}`);
  refuse(crypto, ["encapsulate", "publicEncrypt"], (fn) => `crypto.${fn}()`);
  const draws = (key: unknown): boolean => {
    const plain = (key as { key?: unknown } | null)?.key ?? key;
    const object = types.isCryptoKey(plain) ? crypto.KeyObject.from(plain) : plain;
    const { asymmetricKeyType } = object instanceof crypto.KeyObject ? object : crypto.createPrivateKey(key as string);
    const { padding } = (key ?? {}) as { padding?: number };
    return !NOT_DRAWING.has(asymmetricKeyType) || padding === crypto.constants.RSA_PKCS1_PSS_PADDING;
  };
  const signing = (what: string, keyAt: number) => (real: (...args: unknown[]) => unknown) =>
    function sign(this: unknown, ...args: unknown[]) {
      const frame = sandboxed();
      if (frame && draws(args[keyAt])) throw new SandboxError(what, frame.ops.name, DRAWN);
      return real.apply(this, args);
    };
  replace(crypto, "sign", signing("crypto.sign() with a key whose signatures differ each time", 2));
  replace(crypto.Sign.prototype, "sign", signing("sign() with a key whose signatures differ each time", 0));
}

const DRAWN = "a replay would get another signature. Sign in an activity, whose result is recorded.";

const PRIME = "a replay would draw another prime. Give it a prime, or make the key in an activity.";

const withCallback = (name: string): SandboxError =>
  new SandboxError(
    `crypto.${name}() with a callback`,
    workflowFrame("randomness").ops.name,
    "call it without one: then it answers at once, the same on every replay.",
  );

/** Memory that nothing has cleared shows what lay there before: in workflow code it is filled with zeros. */
function clearBuffers(): void {
  for (const name of ["allocUnsafe", "allocUnsafeSlow"])
    replace(
      Buffer,
      name,
      (real) =>
        function alloc(size: number) {
          return sandboxed() ? Buffer.alloc(size) : real.call(this, size);
        },
    );
}

export function replaceEntropy(): void {
  clearBuffers();
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
  replace(
    crypto,
    "createDiffieHellman",
    (real) =>
      function createDiffieHellman(...args: unknown[]) {
        const frame = typeof args[0] === "number" ? sandboxed() : null; // a length: it draws a prime of that length
        if (frame) throw new SandboxError("crypto.createDiffieHellman() of a length", frame.ops.name, PRIME);
        return real.apply(this, args);
      },
  );
  refuse(SubtleCrypto.prototype, ["generateKey"], (fn) => `crypto.subtle.${fn}()`);
  refuseRandomized(crypto);
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
