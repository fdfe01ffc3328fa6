/**
 * The functions of the official TypeScript client with their parameters, read from its declarations, and a client that notes
 * which of them a test uses. So a release with a further operation or parameter makes the test fail that holds ours to them.
 */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Mistral } from "@mistralai/mistralai";
import { OFFICIAL_OPERATIONS } from "../../protocol/official-operations.ts";

const esm = dirname(fileURLToPath(import.meta.resolve("@mistralai/mistralai")));
/** File of `sdk/` by the path of the part of the client. */
const FILES: Record<string, string> = { workflows: "workflows", "workflows.events": "workflowsevents" };

/** Properties of the request types, by name of the type: `name` and its type. */
function declaredTypes(): Map<string, [name: string, type: string][]> {
  const types = new Map<string, [string, string][]>();
  for (const folder of ["operations", "components"]) {
    const at = join(esm, "models", folder);
    for (const file of readdirSync(at).filter((name) => name.endsWith(".d.ts"))) {
      const text = readFileSync(join(at, file), "utf8");
      for (const [, type, body] of text.matchAll(/^export type (\w+) = \{\n([\s\S]*?)^\};/gm)) {
        const properties = [...body!.matchAll(/^ {4}(\w+)\??: ([^;]+);/gm)];
        types.set(
          type!,
          properties.map(([, name, of]) => [name!, of!]),
        );
      }
    }
  }
  return types;
}

/** The parameters of each operation, such as `executionId` and `resetInvocationBody.eventId`, by the path of its function. */
export function officialParameters(): Map<string, string[]> {
  const types = declaredTypes();
  const found = new Map<string, string[]>();
  for (const [, , path] of OFFICIAL_OPERATIONS) {
    if (path === null) continue;
    const part = path.slice(0, path.lastIndexOf("."));
    const name = path.slice(path.lastIndexOf(".") + 1);
    const file = FILES[part] ?? part.slice(part.lastIndexOf(".") + 1);
    const text = readFileSync(join(esm, "sdk", `${file}.d.ts`), "utf8");
    const signature = new RegExp(`^ {4}${name}\\(request\\??: (?:operations|components)\\.(\\w+)`, "m").exec(text);
    found.set(path, signature ? parametersOf(types, signature[1]!) : []);
  }
  return found;
}

/** The paths of all functions that the client's part for workflows has, as it runs: our own list may miss one. */
export function clientFunctions(client: Mistral): string[] {
  const of = (part: object, path: string): string[] => {
    const own = Object.entries(Object.getOwnPropertyDescriptors(Object.getPrototypeOf(part) as object));
    return own.flatMap(([name, { value, get }]) => {
      if (name === "constructor" || name.startsWith("_")) return [];
      if (typeof value === "function") return [`${path}.${name}`];
      return get ? of(Reflect.get(part, name) as object, `${path}.${name}`) : [];
    });
  };
  return of(client.workflows, "workflows");
}

function parametersOf(types: Map<string, [string, string][]>, type: string): string[] {
  const properties = types.get(type);
  if (!properties) throw new Error(`the client declares no ${type}`);
  return properties.flatMap(([name, of]) => {
    // A body is one property of the request; its own properties are what a caller passes.
    const body = /^components\.(\w+)(?: \| (?:null|undefined))*$/.exec(of)?.[1];
    const inner = body === undefined ? undefined : types.get(body);
    return inner ? inner.map(([each]) => `${name}.${each}`) : [name];
  });
}

/** The same client. `used` gets the parameters that each call passes. */
export function recorded(client: Mistral, used: Map<string, Set<string>>): Mistral["workflows"] {
  const wrap = (target: object, path: string): object =>
    new Proxy(target, {
      get(of, name) {
        const value = Reflect.get(of, name, of) as unknown;
        if (typeof name === "symbol") return value;
        const at = `${path}.${name}`;
        if (typeof value === "function")
          return (...given: unknown[]) => {
            note(used, at, given[0]);
            return Reflect.apply(value, of, given);
          };
        return typeof value === "object" && value !== null ? wrap(value, at) : value;
      },
    });
  return wrap(client.workflows, "workflows") as Mistral["workflows"];
}

function note(used: Map<string, Set<string>>, path: string, request: unknown): void {
  const names = used.get(path) ?? new Set();
  used.set(path, names);
  for (const [name, value] of Object.entries(request ?? {})) {
    if (value === undefined) continue;
    names.add(name);
    if (typeof value === "object" && value !== null)
      for (const inner of Object.keys(value)) names.add(`${name}.${inner}`);
  }
}
