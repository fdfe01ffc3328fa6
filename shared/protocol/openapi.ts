/** The OpenAPI 3.1 document, generated from the routes table, so that document and server agree. */
import * as z from "zod";
import { ErrorBody, HTTPValidationError } from "./errors.ts";
import { ResetInvocationBody, WorkflowExecutionRequest } from "./http/executions.ts";
import { DEFINITION_BODIES } from "./http/schedule-bodies.ts";
import { DeploymentName, IdempotencyKey } from "./ids.ts";
import { DESCRIPTIONS } from "./openapi-descriptions.ts";
import { EXAMPLES, PATH_EXAMPLES } from "./openapi-examples.ts";
import { needOf, RIGHTS } from "./rights.ts";
import { type Method, type Operation, ROUTES, type Route } from "./routes.ts";

type JsonSchema = Record<string, unknown>;

interface Parameter {
  readonly name: string;
  readonly in: "path" | "query" | "header";
  readonly required: boolean;
  readonly description?: string;
  readonly schema: JsonSchema;
  readonly example?: string;
}
interface Content {
  readonly [mediaType: string]: { readonly schema: JsonSchema; readonly example?: unknown };
}
interface Response {
  readonly description: string;
  readonly content?: Content;
}
export interface OpenApiOperation {
  readonly operationId: string;
  readonly summary: string;
  readonly description?: string;
  /** The reason why the server answers 501 for now. */
  readonly "x-unavailable"?: string;
  /** The right that the API key must have; `any`: every key may. */
  readonly "x-right"?: string;
  readonly tags: readonly string[];
  readonly security: readonly Record<string, readonly string[]>[];
  readonly parameters: readonly Parameter[];
  readonly requestBody?: { readonly required: boolean; readonly content: Content };
  readonly responses: Readonly<Record<string, Response>>;
}
export interface OpenApiDocument {
  readonly openapi: "3.1.1";
  readonly info: { readonly title: string; readonly version: string; readonly description: string };
  readonly servers: readonly { readonly url: string }[];
  readonly paths: Readonly<Record<string, Partial<Record<Lowercase<Method>, OpenApiOperation>>>>;
  readonly components: {
    readonly schemas: Readonly<Record<string, JsonSchema>>;
    readonly securitySchemes: Readonly<Record<string, JsonSchema>>;
  };
}

/** `version` is the server's. Takes some milliseconds: call it once. `serverUrl`: default, the origin of the document. */
export function openapiDocument({
  version,
  serverUrl = "/",
}: {
  version: string;
  serverUrl?: string;
}): OpenApiDocument {
  const schemas = convertAll();
  const paths: Record<string, Record<string, OpenApiOperation>> = {};
  for (const route of ROUTES as readonly Route[]) {
    paths[route.path] ??= {};
    (paths[route.path] as Record<string, OpenApiOperation>)[route.method.toLowerCase()] = operation(route, schemas);
  }
  return {
    openapi: "3.1.1",
    info: {
      title: "Sirocco",
      version,
      description: "Durable workflows. Unknown body and query keys are ignored, except where a schema forbids them.",
    },
    servers: [{ url: serverUrl }],
    paths,
    components: {
      schemas: schemas.components,
      securitySchemes: { bearer: { type: "http", scheme: "bearer", description: "An API key of the workspace." } },
    },
  };
}

function operation(route: Route, schemas: Converted): OpenApiOperation {
  const body = schemas.of(route, "body");
  return {
    operationId: route.operation,
    summary: inWords(route.operation),
    ...(DESCRIPTIONS[route.operation as Operation] && { description: DESCRIPTIONS[route.operation as Operation] }),
    ...(route.unavailable && {
      description: `Answers 501 for now: ${route.unavailable}`,
      "x-unavailable": route.unavailable,
    }),
    ...(route.auth && { "x-right": needOf(route) }),
    tags: [route.area],
    security: route.auth ? [{ bearer: [] }] : [],
    parameters: [...pathParameters(route), ...queryParameters(schemas.of(route, "query")), ...headerParameters(route)],
    ...(body && {
      requestBody: {
        required: !route.optionalBody,
        content: {
          "application/json": {
            schema: route.optionalBody ? { anyOf: [body, { type: "null" }] } : body,
            ...exampleOf(route, "request"),
          },
        },
      },
    }),
    responses: responses(route, schemas),
  };
}

function responses(route: Route, schemas: Converted): Record<string, Response> {
  const success = schemas.of(route, "response");
  const media = route.kind === "sse" ? "text/event-stream" : "application/json";
  const file = { "application/vnd.sqlite3": { schema: { contentMediaType: "application/vnd.sqlite3" } } };
  const error = (description: string): Response => ({
    description,
    content: { "application/json": { schema: { $ref: "#/components/schemas/ErrorBody" } } },
  });
  return {
    [route.success]: {
      description: route.kind === "sse" ? "Frames; the schema is that of their data" : "Done",
      ...(route.kind === "file" && { content: file }),
      ...(success && { content: { [media]: { schema: success, ...exampleOf(route, "response") } } }),
    },
    ...(route.auth && { "401": error("Missing or unknown API key") }),
    ...(route.auth &&
      needOf(route) !== "any" && {
        "403": error(`The key lacks the right '${needOf(route)}', or is limited to other deployments`),
      }),
    ...(route.path.includes("{") && { "404": error("Not found in this workspace") }),
    ...((route.body || route.query) && {
      "422": {
        description: "Invalid request",
        content: { "application/json": { schema: { $ref: "#/components/schemas/HTTPValidationError" } } },
      },
    }),
    ...(route.cache && { "304": { description: "As the caller has it: `If-None-Match` names its `ETag`" } }),
    ...Object.fromEntries(furtherErrors(route).map((status) => [status, error(FURTHER[status])])),
    ...(route.unavailable && { "501": error(route.unavailable) }),
    default: error("Refused or failed"),
  };
}

/** What these statuses mean, whichever operation answers them; `code` says more. */
const FURTHER = {
  400: "The request cannot be read",
  404: "What the body names is not in this workspace",
  408: "No outcome in time: what was started goes on, and must not be started again",
  409: "In conflict with the present state, which `code` names",
  413: "Over a size limit",
  415: "The body is not JSON, or is compressed",
  424: "The awaited execution, or the handler, failed",
  429: "Too many requests at once",
  500: "A fault of the server; its log has the cause under the answer's `x-request-id`",
  501: "Not on this installation; `detail` says what is there instead",
  503: "Cannot serve this now: try again after `Retry-After` seconds",
  504: "No worker answered in time",
} as const;
type Further = keyof typeof FURTHER;

const HANDLER: readonly Further[] = [409, 413, 424, 504];
const START: readonly Further[] = [408, 409, 424];
const OF_OPERATIONS: Readonly<Record<string, readonly Further[]>> = {
  executeWorkflow: START,
  executeWorkflowRegistration: START,
  signalWorkflowExecution: [409],
  queryWorkflowExecution: HANDLER,
  updateWorkflowExecution: HANDLER,
  cancelWorkflowExecution: [409],
  terminateWorkflowExecution: [409],
  resetWorkflow: [409],
  previewReset: [409],
  deleteWorkflowExecution: [409],
  createJob: [404, 409],
  abortJob: [409],
  revokeKey: [409],
  promoteDeployment: [409],
  rollBackDeployment: [409],
  retireDeployment: [409],
  holdWork: [404],
  releaseHold: [409],
  createBackup: [501],
  scheduleWorkflow: [404, 409],
  updateSchedule: [409],
  triggerSchedule: [409],
  backfillSchedule: [409],
};

function furtherErrors(route: Route): Further[] {
  const always: Further[] = [400, 500, 503];
  const ofBody: Further[] = route.body ? [413, 415] : [];
  const all = [...always, ...ofBody, ...(route.auth ? [429 as const] : []), ...(OF_OPERATIONS[route.operation] ?? [])];
  return [...new Set(all)].sort((a, b) => a - b);
}

function exampleOf(route: Route, part: "request" | "response"): { example?: unknown } {
  const example = EXAMPLES[route.operation]?.[part];
  return example === undefined ? {} : { example };
}

const jsonSchemaOf = (schema: z.ZodType): JsonSchema => {
  const { $schema: _, ...rest } = z.toJSONSchema(schema) as JsonSchema;
  return rest;
};

/** Parameters that may name something new. Other operations answer that there is no such thing, whatever the text. */
const NEW_NAMES: Readonly<Record<string, Readonly<Record<string, JsonSchema>>>> = {
  hardenDeployment: { name: jsonSchemaOf(DeploymentName) },
};

const isNull = { type: "null" };
const nulls = (...names: string[]) => Object.fromEntries(names.map((name) => [name, isNull]));
const isText = { type: "string" };

/** Of a hold. */
const isNamed: JsonSchema = { anyOf: [{ required: ["deployment_name"] }, { required: ["workflow_name"] }] };

/** What the server also says of several fields together, by the schema of the body. */
const RULES: Readonly<Record<string, JsonSchema>> = {
  HoldRequest: isNamed,
  ReleaseRequest: isNamed,
  WorkflowExecutionRequest: { anyOf: [{ properties: nulls("input") }, { properties: nulls("encoded_input") }] },
  CreateKeyRequest: {
    anyOf: [
      { properties: nulls("deployments") },
      {
        properties: { rights: { items: { enum: RIGHTS.filter((right) => right !== "admin") } } },
        required: ["rights"],
      },
    ],
  },
  ResetInvocationBody: {
    oneOf: [
      { properties: { event_id: { type: "integer" }, ...nulls("to") }, required: ["event_id"] },
      { properties: { to: isText, ...nulls("event_id") }, required: ["to"] },
    ],
  },
  CreateJobRequest: {
    oneOf: [
      {
        properties: {
          action: { enum: ["cancel", "delete"] },
          ...nulls("name", "input", "reason", "to", "exclude_signals", "exclude_updates"),
        },
      },
      {
        properties: {
          action: { const: "terminate" },
          ...nulls("name", "input", "to", "exclude_signals", "exclude_updates"),
        },
      },
      {
        properties: {
          action: { const: "signal" },
          name: isText,
          filter: { properties: { workflow_identifier: isText }, required: ["workflow_identifier"] },
          ...nulls("reason", "to", "exclude_signals", "exclude_updates"),
        },
        required: ["name"],
      },
      { properties: { action: { const: "reset" }, to: isText, ...nulls("name", "input") }, required: ["to"] },
    ],
  },
};

function pathParameters(route: Route): Parameter[] {
  const names = [...route.path.matchAll(/\{(\w+)\}/g)].map((found) => found[1] as string);
  return names.map((name) => ({
    name,
    in: "path",
    required: true,
    schema: NEW_NAMES[route.operation]?.[name] ?? { type: "string" },
    example: PATH_EXAMPLES[name] ?? name,
  }));
}

function queryParameters(query: JsonSchema | undefined): Parameter[] {
  if (!query) return [];
  const required = new Set((query.required as string[] | undefined) ?? []);
  return Object.entries(query.properties as Record<string, JsonSchema>).map(([name, schema]) => {
    const { description, ...rest } = schema;
    const text = typeof description === "string" ? { description } : {};
    return { name, in: "query" as const, required: required.has(name), ...text, schema: rest };
  });
}

/** Bodies of requests that may have an idempotency key, and what they ask for. */
const KEYED = new Map<unknown, string>([
  [WorkflowExecutionRequest, "start"],
  [ResetInvocationBody, "reset"],
]);

function headerParameters(route: Route): Parameter[] {
  const keyed = KEYED.get(route.body);
  if (keyed !== undefined) {
    const description = `A repeated ${keyed} with the same key is the same ${keyed}. The same as \`idempotency_key\` in the body.`;
    const schema = jsonSchemaOf(IdempotencyKey);
    const header: Parameter = { name: "Idempotency-Key", in: "header", required: false, description, schema };
    if (keyed === "reset") return [header];
    const traceparent = "The caller's span (W3C Trace Context), unless the body has one. A malformed one is left out.";
    return [
      header,
      { name: "traceparent", in: "header", required: false, description: traceparent, schema: { type: "string" } },
    ];
  }
  if (route.cache) {
    const description = "The `ETag` of the answer that the caller has.";
    return [{ name: "If-None-Match", in: "header", required: false, description, schema: { type: "string" } }];
  }
  if (route.kind !== "sse") return [];
  const description = "The id of the last frame that the client has read; the stream continues after it.";
  return [{ name: "Last-Event-ID", in: "header", required: false, description, schema: { type: "string" } }];
}

/** `getWorkflowExecution` -> `Get workflow execution`. */
function inWords(name: string): string {
  const words = name.replaceAll(/([A-Z])/g, (letter) => ` ${letter.toLowerCase()}`);
  return words.charAt(0).toUpperCase() + words.slice(1);
}

type Part = "query" | "body" | "response";
interface Converted {
  readonly components: Record<string, JsonSchema>;
  of(route: Route, part: Part): JsonSchema | undefined;
}

/**
 * All schemas in two conversions, of requests and of answers. A schema with an id becomes a component. A schema that
 * differs between requests and answers becomes two; the one of requests is called `…Input`.
 */
function convertAll(): Converted {
  const routes = ROUTES as readonly Route[];
  const collect = (parts: readonly Part[]) =>
    routes.flatMap((route) =>
      parts.flatMap((part) => {
        const schema = (part === "body" && DEFINITION_BODIES[route.operation]) || route[part];
        return schema ? [[key(route, part), schema] as const] : [];
      }),
    );
  const incoming = convert(Object.fromEntries(collect(["query", "body"])), "input");
  const outgoing = convert({ ...Object.fromEntries(collect(["response"])), ErrorBody, HTTPValidationError }, "output");

  for (const [id, rule] of Object.entries(RULES)) Object.assign(incoming.defs[id]!, rule);
  const components: Record<string, JsonSchema> = { ...outgoing.defs };
  const renamed = new Map<string, string>();
  for (const [id, schema] of Object.entries(incoming.defs)) {
    const same = !(id in components) || JSON.stringify(components[id]) === JSON.stringify(schema);
    if (!same) renamed.set(id, `${id}Input`);
    components[renamed.get(id) ?? id] = schema;
  }
  const withRefs = (schema: JsonSchema, names: ReadonlyMap<string, string>) =>
    JSON.parse(JSON.stringify(schema), (name, value) =>
      name === "$ref" && typeof value === "string" ? component(value, names) : value,
    ) as JsonSchema;
  const none = new Map<string, string>();
  const isIncoming = (id: string) => !(id in outgoing.defs);
  for (const [id, schema] of Object.entries(components)) {
    components[id] = withRefs(schema, isIncoming(id) ? renamed : none);
  }
  return {
    components,
    of(route, part) {
      const side = part === "response" ? outgoing : incoming;
      const schema = side.properties[key(route, part)];
      return schema && withRefs(schema, side === incoming ? renamed : none);
    },
  };
}

function key(route: Route, part: Part): string {
  return `${route.operation}.${part}`;
}

function component(ref: string, names: ReadonlyMap<string, string>): string {
  const id = ref.slice("#/$defs/".length);
  return `#/components/schemas/${names.get(id) ?? id}`;
}

/**
 * Of control characters, and of surrogates: Unicode text has none, and the expressions of several languages cannot name
 * them. A lone one in a request is refused all the same.
 */
const CLASSES = { "\\p{Cc}": String.raw`\u0000-\u001f\u007f-\u009f`, "\\p{Cs}": "" };

function convert(shape: Record<string, z.ZodType>, io: "input" | "output") {
  const schema = z.toJSONSchema(z.object(shape), {
    io,
    override({ zodSchema, jsonSchema }) {
      const object = jsonSchema as JsonSchema;
      delete object.id;
      // Answers may gain keys later; only strict requests forbid unknown keys.
      if (io === "output" && zodSchema._zod.def.type === "object") delete object.additionalProperties;
      // `format` is enough; the patterns have some hundred characters each.
      if (object.format === "date-time" || object.format === "uuid") delete object.pattern;
      // The bounds of exact integers carry no information in answers.
      if (io === "output" && object.maximum === Number.MAX_SAFE_INTEGER) delete object.maximum;
      if (io === "output" && object.minimum === Number.MIN_SAFE_INTEGER) delete object.minimum;
      // Regular expressions of many languages do not know the names of classes.
      for (const [name, characters] of Object.entries(CLASSES))
        if (typeof object.pattern === "string") object.pattern = object.pattern.replaceAll(name, characters);
    },
  }) as JsonSchema;
  return {
    properties: schema.properties as Record<string, JsonSchema>,
    defs: (schema.$defs ?? {}) as Record<string, JsonSchema>,
  };
}
