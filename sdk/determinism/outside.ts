/** Workflow code may not use files, sockets, processes or name lookups: they are refused. */
import { sandboxed } from "../runtime/frame.ts";
import { SandboxError } from "./refused.ts";
import { functionsOf, replace } from "./replace.ts";

const ADVICE =
  "a replay would do it again and might see something else. Move this into an activity, whose result is recorded. " +
  "(unsafe(fn) allows calls whose results you know to be the same on every replay.)";

function refuse(target: object | undefined, names: readonly string[], label: (name: string) => string): void {
  for (const name of names) {
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
const all = (module: object) => functionsOf(module).filter((name) => !PURE.has(name));

export function refuseOutside(): void {
  // Standard output may be a file. Its stream takes the functions of `fs` when it is created: create it before they change.
  void process.stdout;
  void process.stderr;
  refuse(process, ["abort", "chdir", "execve", "exit", "kill", "reallyExit"], (fn) => `process.${fn}()`);
  refuse(globalThis, ["fetch"], (name) => `${name}()`);
  const modules = {
    fs: process.getBuiltinModule("node:fs"),
    "fs/promises": process.getBuiltinModule("node:fs/promises"),
    child_process: process.getBuiltinModule("node:child_process"),
    dns: process.getBuiltinModule("node:dns"),
    "dns/promises": process.getBuiltinModule("node:dns/promises"),
  };
  for (const [name, module] of Object.entries(modules)) refuse(module, all(module), (fn) => `${name}.${fn}()`);

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
