/** Workflow code may not use files, sockets, databases, processes, threads, other realms or the machine: they are refused. */
import { sandboxed } from "../runtime/frame.ts";
import { SandboxError } from "./refused.ts";
import { functionsOf, replace } from "./replace.ts";

const ADVICE =
  "a replay would do it again and might see something else. Move this into an activity, whose result is recorded. " +
  "(unsafe(fn) allows calls whose results you know to be the same on every replay.)";

export function refuse(target: object | undefined, names: readonly string[], label: (name: string) => string): void {
  for (const name of names) {
    refuseOwn(target, name, label);
    replace(
      target,
      name,
      (real) =>
        function refused(...args) {
          const frame = sandboxed();
          if (frame) throw new SandboxError(label(name), frame.ops.name, ADVICE);
          return new.target ? Reflect.construct(real, args, new.target) : real.apply(this, args);
        },
    );
  }
}

/** As `refuse`, of a value that is no function. */
export function refuseValue(target: object, name: string, label: string): void {
  const descriptor = Object.getOwnPropertyDescriptor(target, name);
  if (!descriptor?.configurable || !("value" in descriptor)) return;
  const { value, enumerable } = descriptor;
  const get = () => {
    const frame = sandboxed();
    if (frame) throw new SandboxError(label, frame.ops.name, ADVICE);
    return value;
  };
  Object.defineProperty(target, name, { configurable: true, enumerable: enumerable === true, get });
}

/** `memoryUsage.rss()`, `realpathSync.native()`: what a refused function carries does the same. Classes keep their statics. */
function refuseOwn(target: object | undefined, name: string, label: (name: string) => string): void {
  const own = (target as Record<string, unknown> | undefined)?.[name];
  if (typeof own !== "function" || !/^[a-z]/.test(name)) return;
  const names = Object.keys(own).filter(
    (key) => typeof (own as unknown as Record<string, unknown>)[key] === "function",
  );
  refuse(own, names, (key) => label(`${name}.${key}`));
}

/** Pure functions of the refused modules: they stay allowed. */
const PURE = new Set([
  "isIP",
  "isIPv4",
  "isIPv6",
  "validateHeaderName",
  "validateHeaderValue",
  "getServers",
  "getDefaultResultOrder",
]);
/** What `os` says of every machine on which the same code may be started: it stays allowed too. */
const SAME_EVERYWHERE = new Set(["arch", "endianness", "machine", "platform", "type"]);
const methodsOf = (prototype: object) => Object.getOwnPropertyNames(prototype).filter((name) => name !== "constructor");
const all = (module: object) => functionsOf(module).filter((name) => !PURE.has(name));

/** `node:sqlite` warns when it is loaded, and this program may never use it. */
function sqlite(): object | undefined {
  const { emitWarning } = process;
  process.emitWarning = () => {};
  try {
    return process.getBuiltinModule("node:sqlite");
  } finally {
    process.emitWarning = emitWarning;
  }
}

export function refuseOutside(): void {
  // Standard output may be a file. Its stream takes the functions of `fs` when it is created: create it before they change.
  void process.stdout;
  void process.stderr;
  refuse(process, ["abort", "chdir", "execve", "exit", "kill", "reallyExit"], (fn) => `process.${fn}()`);
  refuse(globalThis, ["fetch"], (name) => `${name}()`);
  refuse(globalThis, ["WebSocket", "EventSource", "BroadcastChannel", "MessageChannel"], (name) => `new ${name}()`);
  refuse(Atomics, ["wait", "waitAsync"], (name) => `Atomics.${name}()`);
  refuse(
    process,
    ["abort", "availableMemory", "chdir", "constrainedMemory", "cpuUsage", "exit", "kill", "memoryUsage"],
    (name) => `process.${name}()`,
  );
  const further = ["getActiveResourcesInfo", "loadEnvFile", "reallyExit", "resourceUsage", "threadCpuUsage", "umask"];
  refuse(process, further, (name) => `process.${name}()`);
  refuse(process.report, ["getReport", "writeReport"], (name) => `process.report.${name}()`);
  const modules = {
    fs: process.getBuiltinModule("node:fs"),
    "fs/promises": process.getBuiltinModule("node:fs/promises"),
    child_process: process.getBuiltinModule("node:child_process"),
    dns: process.getBuiltinModule("node:dns"),
    "dns/promises": process.getBuiltinModule("node:dns/promises"),
    cluster: process.getBuiltinModule("node:cluster"),
  };
  for (const [name, module] of Object.entries(modules)) refuse(module, all(module), (fn) => `${name}.${fn}()`);

  const os = process.getBuiltinModule("node:os");
  const aboutMachine = all(os).filter((name) => !SAME_EVERYWHERE.has(name));
  refuse(os, aboutMachine, (fn) => `os.${fn}()`);
  for (const dns of [modules.dns, modules["dns/promises"]]) {
    const { prototype } = dns.Resolver;
    refuse(prototype, methodsOf(prototype), () => "a DNS resolver");
  }
  refuse(modules.child_process.ChildProcess.prototype, ["spawn"], () => "a child process");
  const threads = process.getBuiltinModule("node:worker_threads");
  refuse(threads, ["Worker", "BroadcastChannel", "MessageChannel"], (name) => `new worker_threads.${name}()`);
  refuse(threads, ["receiveMessageOnPort", "postMessageToThread"], (fn) => `worker_threads.${fn}()`);
  // Node does not pass a replaced `DatabaseSync` on to those who import it by name: what a database does is refused as well.
  const database = sqlite() as Record<string, unknown> | undefined;
  refuse(database, ["DatabaseSync"], (name) => `new sqlite.${name}()`);
  refuse(database, ["backup"], (fn) => `sqlite.${fn}()`);
  const { prototype: opened } = (database?.DatabaseSync ?? {}) as { prototype?: object };
  if (opened) refuse(opened, methodsOf(opened), (fn) => `${fn}() of a database`);
  const { prototype: prepared } = (database?.StatementSync ?? {}) as { prototype?: object };
  if (prepared) refuse(prepared, methodsOf(prepared), (fn) => `${fn}() of a database's statement`);
  refuse(URL, ["createObjectURL"], (fn) => `URL.${fn}()`);
  const v8 = process.getBuiltinModule("node:v8");
  refuse(
    v8,
    functionsOf(v8).filter((name) => /heap|coverage/i.test(name)),
    (fn) => `v8.${fn}()`,
  );
  const vm = process.getBuiltinModule("node:vm");
  refuse(vm, ["createContext", "runInContext", "runInNewContext"], (fn) => `vm.${fn}()`);
  refuse(vm.Script.prototype, ["runInContext", "runInNewContext"], (fn) => `${fn}() of a vm.Script`);

  const net = process.getBuiltinModule("node:net");
  const http = process.getBuiltinModule("node:http");
  const https = process.getBuiltinModule("node:https");
  const dgram = process.getBuiltinModule("node:dgram");
  refuse(net, ["connect", "createConnection", "createServer"], (fn) => `net.${fn}()`);
  refuse(net.Socket.prototype, ["connect"], () => "a socket");
  refuse(net.Server.prototype, ["listen"], () => "a listening socket");
  refuse(http, ["request", "get", "createServer"], (fn) => `http.${fn}()`);
  refuse(https, ["request", "get", "createServer"], (fn) => `https.${fn}()`);
  refuse(
    process.getBuiltinModule("node:http2"),
    ["connect", "createServer", "createSecureServer"],
    (fn) => `http2.${fn}()`,
  );
  refuse(process.getBuiltinModule("node:tls"), ["connect", "createServer"], (fn) => `tls.${fn}()`);
  refuse(dgram, ["createSocket"], (fn) => `dgram.${fn}()`);
  refuse(dgram.Socket.prototype, ["bind", "connect", "send"], () => "a datagram socket");
}
