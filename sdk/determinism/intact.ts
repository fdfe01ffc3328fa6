/**
 * Workflow code shares the functions of JavaScript and Node with everything else in its worker: the runtime, other
 * executions, activities, and the replays of its own history.
 *
 * INTACT-1. After each stimulus, and before other code of the event loop runs, the runtime compares these functions with what
 *     they were before the stimulus. It puts back what has changed, before it records anything.
 * INTACT-2. Other code may have run meanwhile whose right it is to replace functions: an activity, a test's fake timers. So the
 *     first change only raises a suspicion. The worker gives the code the same stimuli again, with a setter in place of the
 *     function that knows whose code runs: an assignment by workflow code throws there. A change that nobody repeats was
 *     not the code's, and the runtime lets it stand.
 * INTACT-3. What changes between two stimuli is not the code's either, nor what modules change when they are loaded. A stimulus that an
 *     execution is given while the code of another has run and is not compared yet begins no such pause: what has changed
 *     by then may be the other's, so the runtime does not accept it. (A replay or a query that begins in such a moment accepts it.)
 * INTACT-4. Where several executions become quiescent in the same tick, the runtime compares for one after the other, and runs the code of
 *     none of them in between. So where it finds nothing changed for the first, the others have changed nothing, and it does
 *     not compare again. An execution that tests conditions runs code once more, and has a comparison of its own.
 *
 * The comparison is generated code, one function per object with every name written out: 4 µs per stimulus for 1,180 members, where
 * a loop over the names costs more than ten times as much. Where Node forbids generated code the loop does it.
 */
import { sandboxed } from "../runtime/frame.ts";
import { drained } from "./real.ts";
import { SandboxError } from "./refused.ts";

/** What `putBack` uses: workflow code may have replaced them. */
const { defineProperty, getOwnPropertyDescriptor, hasOwn } = Object;

type Values = unknown[];
type Key = string | symbol;
type Readable = Record<Key, unknown>;

/** Workflow code has replaced a function that its whole worker shares. */
class ReplacedError extends SandboxError {
  constructor(label: string, workflow: string) {
    super(
      `a replacement of ${label}`,
      workflow,
      "all other code of the worker, and every replay, would get it as well. Call a function of your own instead, or replace " +
        `${label} before the worker starts. (unsafe(fn) allows it.)`,
    );
  }
}

/** INTACT-2: the change may be other code's. The worker replays the run, and either way finds out. */
export class SuspectedError extends ReplacedError {}

interface Change {
  readonly target: object;
  readonly key: Key;
  readonly label: string;
  readonly found: PropertyDescriptor | undefined;
}

interface Suspicion {
  readonly when: "replay" | "activate";
  readonly changes: Change[];
}

interface Checks {
  same(): boolean;
  take(values: Values): void;
}

/** Lets `same` compare the members with the values that `take` was given. */
function checksOf(target: object, keys: readonly Key[]): Checks {
  try {
    const names = keys.map((_, i) => `v${i}`);
    const tests = keys.map(
      (key, i) => `o${typeof key === "string" ? `[${JSON.stringify(key)}]` : `[k[${i}]]`} === v${i}`,
    );
    const code = `"use strict"; let ${names}; return { take(v) { [${names}] = v; }, same() { return ${tests.join("&&")}; } };`;
    return new Function("o", "k", code)(target, keys) as Checks;
  } catch {
    let known: Values = [];
    return {
      take: (values) => {
        known = values;
      },
      same: () => keys.every((key, i) => (target as Readable)[key] === known[i]),
    };
  }
}

/** The members of one object that are watched. */
class Watched {
  readonly target: object;
  readonly keys: readonly Key[];
  readonly labels: readonly string[];
  readonly checks: Checks;
  #values: Values = [];
  #descriptors: (PropertyDescriptor | undefined)[] = [];

  constructor(target: object, name: string, keys: readonly Key[]) {
    this.target = target;
    this.keys = keys;
    this.labels = keys.map((key) => labelOf(name, key));
    // Reading through an object that inherits from the target lets V8 lay the target out for fast reads. The getters of the
    // global object want the object itself.
    this.checks = checksOf(target === globalThis ? target : Object.create(target), keys);
    this.accept();
  }

  /** What is there now is what has to be there. */
  accept(): void {
    this.#values = this.keys.map((key) => (this.target as Readable)[key]);
    this.#descriptors = this.keys.map((key) => Object.getOwnPropertyDescriptor(this.target, key));
    this.checks.take(this.#values);
  }

  /** Adds what has changed to `changes`. */
  putBack(changes: Change[]): void {
    for (let i = 0; i < this.keys.length; i++) {
      const key = this.keys[i]!;
      const found = getOwnPropertyDescriptor(this.target, key);
      const before = this.#descriptors[i];
      if (found?.get === before?.get && found?.value === before?.value && !found === !before) continue;
      setTrap(this.target, key, this.labels[i]!, before);
      changes[changes.length] = { target: this.target, key, label: this.labels[i]!, found };
    }
  }
}

const labelOf = (name: string, key: Key): string => {
  if (typeof key === "symbol") return `${name}[${key.description}]`;
  return name === "globalThis" ? key : `${name}.${key}`;
};

/** Puts `before` back, behind a setter that refuses assignments by workflow code. */
function setTrap(target: object, key: Key, label: string, before: PropertyDescriptor | undefined): void {
  let present: PropertyDescriptor = before ?? { value: undefined };
  defineProperty(target, key, {
    configurable: true,
    enumerable: before?.enumerable ?? false,
    get() {
      return present.get ? present.get.call(target) : present.value;
    },
    set(value: unknown) {
      if (this !== target) {
        // An object that inherits the member gets one of its own.
        Object.defineProperty(this, key, { value, writable: true, enumerable: true, configurable: true });
        return;
      }
      const frame = sandboxed();
      if (frame) throw new ReplacedError(label, frame.ops.name);
      present = { value };
    },
  });
}

const NAMESPACES = ["JSON", "Math", "Reflect", "Atomics", "Intl"];
const STATICS = ["Object", "Promise", "Array", "Date", "Number", "String", "BigInt", "Symbol", "Error", "ArrayBuffer"];
const CLASSES = [
  ...["Object", "Function", "Array", "String", "Number", "Boolean", "BigInt", "Symbol", "Promise", "RegExp", "Error"],
  ...[
    "Map",
    "Set",
    "WeakMap",
    "WeakSet",
    "WeakRef",
    "Date",
    "ArrayBuffer",
    "DataView",
    "AbortController",
    "AbortSignal",
  ],
  ...[
    "EventTarget",
    "URL",
    "URLSearchParams",
    "TextEncoder",
    "TextDecoder",
    "Headers",
    "Request",
    "Response",
    "Crypto",
  ],
  ...["SubtleCrypto", "Performance"],
];
const MODULES = [
  ...["crypto", "timers", "timers/promises", "fs", "fs/promises", "child_process", "http", "https", "net", "os", "dns"],
  ...["worker_threads", "vm"],
];
/** Functions of Node that are enumerable, as what programs add to the globals is. */
const NODE_GLOBALS = [
  ...["fetch", "setTimeout", "clearTimeout", "setInterval", "clearInterval", "setImmediate", "clearImmediate"],
  ...["queueMicrotask", "structuredClone", "atob", "btoa", "crypto", "performance"],
];
/** Where a new enumerable member reaches every object of its kind. */
const PROTOTYPES = [
  "Object",
  "Function",
  "Array",
  "String",
  "Number",
  "BigInt",
  "Date",
  "Error",
  "Map",
  "Set",
  "Promise",
  "RegExp",
];

function functionsOf(target: object): Key[] {
  return Reflect.ownKeys(target).filter((key) => {
    const own = Object.getOwnPropertyDescriptor(target, key)!;
    return own.configurable === true && typeof own.value === "function" && key !== "constructor";
  });
}

function globalNames(): Key[] {
  return Reflect.ownKeys(globalThis).filter((key) => {
    const own = Object.getOwnPropertyDescriptor(globalThis, key)!;
    if (!own.configurable || key === "globalThis") return false;
    if (NODE_GLOBALS.includes(String(key))) return true;
    return !own.enumerable && (typeof own.value === "function" || NAMESPACES.includes(String(key)));
  });
}

function watch(): Watched[] {
  const globals = globalThis as unknown as Record<string, { prototype: object } & object>;
  const all: Watched[] = [new Watched(globalThis, "globalThis", globalNames())];
  const add = (target: object | undefined, name: string, more: Key[] = []) => {
    if (!target) return;
    const keys = [...new Set([...functionsOf(target), ...more])];
    if (keys.length > 0) all.push(new Watched(target, name, keys));
  };
  for (const name of [...NAMESPACES, ...STATICS]) add(globals[name], name);
  // `JSON.stringify` asks every object for this method, which only dates and URLs have.
  for (const name of CLASSES) add(globals[name]?.prototype, `${name}.prototype`, ["toJSON"]);
  const values = Object.getPrototypeOf([].values());
  add(Object.getPrototypeOf(Uint8Array), "TypedArray");
  add(Object.getPrototypeOf(Uint8Array.prototype), "TypedArray.prototype");
  add(values, "ArrayIterator.prototype");
  add(Object.getPrototypeOf(new Map().values()), "MapIterator.prototype");
  add(Object.getPrototypeOf(new Set().values()), "SetIterator.prototype");
  add(Object.getPrototypeOf(values), "Iterator.prototype");
  add(Buffer, "Buffer");
  add(Buffer.prototype, "Buffer.prototype");
  add(console, "console");
  add(process, "process");
  add(process.hrtime, "process.hrtime");
  for (const name of MODULES) add(process.getBuiltinModule(`node:${name}`), name);
  return all;
}

let watched: Watched[] | null = null;
const prototypes = PROTOTYPES.map((name) => ({
  name: `${name}.prototype`,
  target: (globalThis as unknown as Record<string, { prototype: object }>)[name]!.prototype,
}));
/** Enumerable members that programs have added to them. */
const added: Record<string, true> = Object.create(null);

/** INTACT-3. */
export function acceptChanges(): void {
  watched ??= watch();
  for (const each of watched) if (!each.checks.same()) each.accept();
  for (const { target } of prototypes) for (const key in target) added[key] = true;
}

/** Stimuli after which the comparison is still to come. */
let uncompared = 0;

/** INTACT-3: code is about to be given a stimulus. `endStimulus` follows, before the comparison. */
export function beginStimulus(): void {
  if (uncompared === 0) acceptChanges();
  uncompared += 1;
}

export function endStimulus(): void {
  uncompared -= 1;
}

/** By execution. */
const suspicions = new Map<string, Suspicion>();

/**
 * INTACT-1, INTACT-2. The error that workflow code earns since `acceptChanges`; null = it has changed nothing. `when`: what is
 * to be repeated.
 */
export function changesOf(execution: string, workflow: string, when: Suspicion["when"]): Error | null {
  const changes = putBack();
  isIntact = changes.length === 0;
  const [first] = changes;
  if (!first) return null;
  const before = suspicions.get(execution)?.changes ?? [];
  const again = changes.find(({ label }) => before.some((known) => known.label === label));
  if (again) {
    suspicions.delete(execution);
    return new ReplacedError(again.label, workflow);
  }
  suspicions.set(execution, { when, changes: [...before, ...changes] });
  return new SuspectedError(first.label, workflow);
}

/** INTACT-4: the last comparison found nothing, and no code has become quiescent since. */
let isIntact = false;
const forget = () => {
  isIntact = false;
};

/** Resolves when the code that has just been given a stimulus is quiescent. */
export const quiescent = (): Promise<void> => drained(forget);

/** As `changesOf`, of code that has not run since `quiescent` resolved. */
export function changesOfQuiescent(execution: string, workflow: string, when: Suspicion["when"]): Error | null {
  return isIntact ? null : changesOf(execution, workflow, when);
}

/** As `changesOf`, of code that has run without a pause: no other code can have changed anything. */
export function changesAtOnce(workflow: string): Error | null {
  const [first] = putBack();
  return first ? new ReplacedError(first.label, workflow) : null;
}

/** Uses nothing that may be replaced until all is put back. */
function putBack(): Change[] {
  const changes: Change[] = [];
  const all = watched!;
  for (let i = 0; i < all.length; i++) if (!all[i]!.checks.same()) all[i]!.putBack(changes);
  for (let i = 0; i < prototypes.length; i++) {
    const { target, name } = prototypes[i]!;
    for (const key in target) {
      if (added[key] || !hasOwn(target, key)) continue;
      const label = `${name}.${key}`;
      changes[changes.length] = { target, key, label, found: getOwnPropertyDescriptor(target, key) };
      setTrap(target, key, label, undefined);
    }
  }
  if (changes.length > 0) for (let i = 0; i < all.length; i++) all[i]!.accept();
  return changes;
}

/** The code has been given the same again: what it has not changed this time, other code had changed. */
export function endSuspicion(execution: string, when: Suspicion["when"], how: "guilty" | "cleared"): void {
  if (suspicions.size === 0) return;
  const suspicion = suspicions.get(execution);
  if (!suspicion || (how === "cleared" && suspicion.when !== when)) return;
  suspicions.delete(execution);
  if (how === "guilty") return;
  for (const { target, key, found } of suspicion.changes) {
    if (found) Object.defineProperty(target, key, found);
    else delete (target as Readable)[key];
  }
  acceptChanges();
}
