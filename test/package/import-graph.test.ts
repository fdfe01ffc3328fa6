/** The import graph of the sources has no circle. Imports of types count: they tie files together as others do. */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, posix } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";

type Graph = ReadonlyMap<string, ReadonlySet<string>>;

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const PARTS = ["shared", "sdk", "cli", "functions", "infra"];
const IMPORT = /\bfrom\s+"(?<from>\.[^"]+)"|\bimport\s*\(?\s*"(?<bare>\.[^"]+)"/g;

const isSource = (file: string) =>
  file.endsWith(".ts") && !file.endsWith(".test.ts") && !/(^|\/)(node_modules|dist|cdk\.out)\//.test(file);
const withoutComments = (text: string) => text.replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, "");

function importsOf(file: string): string[] {
  const text = withoutComments(readFileSync(join(ROOT, file), "utf8"));
  return [...text.matchAll(IMPORT)].map(({ groups }) =>
    posix.normalize(`${dirname(file)}/${groups!.from ?? groups!.bare}`),
  );
}

const files = PARTS.flatMap((part) =>
  readdirSync(join(ROOT, part), { recursive: true, encoding: "utf8" }).map((file) => posix.join(part, file)),
).filter(isSource);
const imports: Graph = new Map(
  files.map((file) => [file, new Set(importsOf(file).filter((to) => files.includes(to)))] as const),
);

/** The same graph between groups of files; imports inside a group are left out. */
function grouped(graph: Graph, groupOf: (file: string) => string): Graph {
  const groups = new Map<string, Set<string>>();
  for (const [file, targets] of graph) {
    const group = groupOf(file);
    const to = groups.get(group) ?? new Set();
    groups.set(group, to);
    for (const target of targets) if (groupOf(target) !== group) to.add(groupOf(target));
  }
  return groups;
}

/** Circles, each as the nodes that reach one another (Tarjan's strongly connected components). */
function circles(graph: Graph): string[][] {
  const found: string[][] = [];
  const index = new Map<string, number>();
  const lowest = new Map<string, number>();
  const stack: string[] = [];
  const visit = (node: string): number => {
    index.set(node, index.size);
    lowest.set(node, index.get(node)!);
    stack.push(node);
    for (const next of graph.get(node) ?? []) {
      const reached = index.has(next)
        ? stack.includes(next)
          ? index.get(next)!
          : Number.POSITIVE_INFINITY
        : visit(next);
      lowest.set(node, Math.min(lowest.get(node)!, reached));
    }
    if (lowest.get(node) === index.get(node)) {
      const component = stack.splice(stack.indexOf(node));
      if (component.length > 1) found.push(component.sort());
    }
    return lowest.get(node)!;
  };
  for (const node of graph.keys()) if (!index.has(node)) visit(node);
  return found;
}

/** Each import that belongs to a circle, so that a failure says what to change. */
const explained = (graph: Graph): string[] =>
  circles(graph).flatMap((circle) =>
    circle.flatMap((from) => [...graph.get(from)!].filter((to) => circle.includes(to)).map((to) => `${from} -> ${to}`)),
  );

test.each(["sdk", "shared"])("no files of %s import each other in a circle", (part) => {
  const inside = new Map([...imports].filter(([file]) => file.startsWith(`${part}/`)));
  expect(explained(inside)).toEqual([]);
});

test("no folders import each other in a circle", () => {
  const folders = new Set(files.map((file) => dirname(file)));
  const hasFolders = (folder: string) => [...folders].some((other) => other.startsWith(`${folder}/`));
  // A file beside folders, such as an entry or a port, counts by itself: its folder's name says nothing about it.
  const groupOf = (file: string) => (hasFolders(dirname(file)) ? file : dirname(file));
  expect(explained(grouped(imports, groupOf))).toEqual([]);
});

describe("the check itself", () => {
  const graph = (edges: Record<string, string[]>): Graph =>
    new Map(Object.entries(edges).map(([node, to]) => [node, new Set(to)]));

  test("finds a circle of any length, and none where there is none", () => {
    expect(circles(graph({ a: ["b"], b: ["c"], c: [] }))).toEqual([]);
    expect(circles(graph({ a: ["b", "d"], b: ["c"], c: ["a"], d: [] }))).toEqual([["a", "b", "c"]]);
    expect(explained(graph({ a: ["b"], b: ["a"] }))).toEqual(["a -> b", "b -> a"]);
  });

  test("reads every form of import", () => {
    expect(files.length).toBeGreaterThan(300);
    expect(imports.get("sdk/index.ts")).toContain("sdk/workflow/define.ts"); // export … from
    expect(imports.get("sdk/runtime/frame.ts")).toContain("sdk/runtime/ops.ts"); // import type
    expect([...imports.values()].filter((to) => to.size > 0).length).toBeGreaterThan(250);
  });
});
