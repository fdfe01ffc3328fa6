/**
 * Finds the route for a method and a path, in one walk over the path's segments.
 *
 * MATCH-1. A literal segment wins over a parameter, earlier segments first: `/executions/metrics` is the page of an
 *     execution.
 * MATCH-2. A literal wins only for a method that it has: `POST /executions/cancel` is the batch call, `GET
 *     /executions/cancel` is the execution with the id `cancel`.
 * MATCH-3. Parameters are percent-decoded after the path is split, so an id may contain an encoded slash. No parameter is
 *     empty.
 * MATCH-4. HEAD is served like GET, because no route has it.
 * MATCH-5. A 405 names the methods of the most specific path, which are those of the OpenAPI document. The parameter's
 *     methods would find nothing there: ids and names that equal a literal are reserved.
 */

interface Routable {
  readonly method: string;
  readonly path: string;
}

export type Match<R> =
  | { readonly outcome: "route"; readonly route: R; readonly params: Readonly<Record<string, string>> }
  /** The path exists, with these methods. */
  | { readonly outcome: "method_not_allowed"; readonly allowed: readonly string[] }
  /** A segment is not valid percent-encoding. */
  | { readonly outcome: "malformed"; readonly segment: string }
  | { readonly outcome: "not_found" };

interface Leaf<R> {
  readonly route: R;
  /** Names of the parameters, in the order of their segments. */
  readonly names: readonly string[];
}
interface Node<R> {
  readonly literals: Map<string, Node<R>>;
  parameter: Node<R> | undefined;
  /** By method. */
  readonly leaves: Map<string, Leaf<R>>;
}

/** A matcher for the rows. Throws if two rows match the same requests. */
export function compile<R extends Routable>(rows: readonly R[]): (method: string, path: string) => Match<R> {
  const root = node<R>();
  for (const row of rows) insert(root, row);
  return (method, path) => match(root, method, path);
}

function node<R>(): Node<R> {
  return { literals: new Map(), parameter: undefined, leaves: new Map() };
}

function insert<R extends Routable>(root: Node<R>, route: R): void {
  const names: string[] = [];
  let at = root;
  for (const segment of segmentsOf(route.path)) {
    const name = /^\{(\w+)\}$/.exec(segment)?.[1];
    let next = name === undefined ? at.literals.get(segment) : at.parameter;
    if (!next) {
      next = node<R>();
      if (name === undefined) at.literals.set(segment, next);
      else at.parameter = next;
    }
    if (name !== undefined) names.push(name);
    at = next;
  }
  const taken = at.leaves.get(route.method);
  if (taken) throw new Error(`${route.method} ${route.path} and ${taken.route.path} match the same requests`);
  at.leaves.set(route.method, { route, names });
}

function segmentsOf(path: string): string[] {
  return path.split("/").slice(1);
}

function match<R>(root: Node<R>, method: string, path: string): Match<R> {
  const segments = segmentsOf(path);
  const values: string[] = [];
  const leaf = find(root, segments, 0, method, values);
  if (leaf) {
    const params: Record<string, string> = {};
    for (const [index, name] of leaf.names.entries()) {
      const value = decode(values[index] as string);
      if (value === undefined) return { outcome: "malformed", segment: values[index] as string };
      params[name] = value;
    }
    return { outcome: "route", route: leaf.route, params };
  }
  const allowed = new Set<string>();
  collectMethods(root, segments, 0, allowed);
  return allowed.size > 0 ? { outcome: "method_not_allowed", allowed: [...allowed].sort() } : { outcome: "not_found" };
}

function find<R>(
  at: Node<R>,
  segments: string[],
  depth: number,
  method: string,
  values: string[],
): Leaf<R> | undefined {
  if (depth === segments.length) return at.leaves.get(method) ?? (method === "HEAD" ? at.leaves.get("GET") : undefined); // MATCH-4
  const segment = segments[depth] as string;
  const literal = at.literals.get(segment);
  const found = literal && find(literal, segments, depth + 1, method, values);
  if (found) return found;
  if (!at.parameter || segment === "") return undefined;
  values.push(segment);
  const leaf = find(at.parameter, segments, depth + 1, method, values);
  if (!leaf) values.pop();
  return leaf;
}

function collectMethods<R>(at: Node<R>, segments: string[], depth: number, into: Set<string>): void {
  if (depth === segments.length) {
    for (const method of at.leaves.keys()) into.add(method);
    if (at.leaves.has("GET")) into.add("HEAD");
    return;
  }
  const segment = segments[depth] as string;
  const literal = at.literals.get(segment);
  if (literal) collectMethods(literal, segments, depth + 1, into);
  if (into.size > 0) return; // MATCH-5
  if (at.parameter && segment !== "") collectMethods(at.parameter, segments, depth + 1, into);
}

function decode(segment: string): string | undefined {
  if (!segment.includes("%")) return segment;
  try {
    return decodeURIComponent(segment);
  } catch {
    return undefined;
  }
}
