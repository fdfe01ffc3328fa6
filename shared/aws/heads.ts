/**
 * The head as an item. Fields that conditions and indexes name are attributes of their own. Payloads are packed one by
 * one, so that a close writes the result without writing the input again. `body` holds the rest, which never changes in
 * a run. Fields that have their default are left out: most heads fit into one write unit.
 */
import type { AttributeValue } from "@aws-sdk/client-dynamodb";
import { storedFields, storedHead } from "../lib/stored.ts";
import type { Ref } from "../ports.ts";
import type { Head, OpenInputs } from "../protocol/head.ts";
import { startedOf } from "../protocol/head.ts";
import type { Millis } from "../protocol/history.ts";
import type { Blobs } from "./blobs.ts";
import type { Context } from "./context.ts";
import { dueShardOf, HEAD, inputsShardOf, pkOf, refOf, runsShardOf } from "./keys.ts";
import { INDEXES } from "./names.ts";
import { blobOf, INLINE_HEAD, type Packed, pack, unpack, unpackText, upload } from "./pack.ts";
import { type Item, N, number, S, text } from "./table.ts";

/** The attributes of an entry in the sparse index `due`. */
export const dueAttributes = ({ dueShards }: Pick<Context, "dueShards">, pk: string, dueAt: Millis): Item => ({
  [INDEXES.due.partition]: S(dueShardOf(pk, dueShards)),
  [INDEXES.due.sort]: N(dueAt),
});

/** The attributes of the questions that a head keeps, with its entry in the sparse index `inputs`. */
export const inputsAttributes = (ref: Ref, inputs: OpenInputs): Item => ({
  open_inputs: S(JSON.stringify(inputs)),
  ...(inputs.since !== null && {
    [INDEXES.inputs.partition]: S(inputsShardOf(ref)),
    [INDEXES.inputs.sort]: N(inputs.since),
  }),
});

/** Search keys up to this size are copied into the `runs` index. Larger ones would raise the price of each start and close. */
const INDEXED_SEARCH_KEYS = 400;

const PACKED = ["input", "result", "failure", "outbox", "carried", "extensions"] as const;
type PackedField = (typeof PACKED)[number];
const EMPTY: Record<PackedField, string> = {
  input: "null",
  result: "null",
  failure: "null",
  outbox: "[]",
  carried: "[]",
  extensions: "null",
};

export const payloadOwner = (ref: Ref, run: string): string => `${ref.workspace}/${ref.execution}/${run}`;

/** The packed form of one field, undefined = the field has its default. */
export async function packField(
  ref: Ref,
  run: string,
  field: PackedField,
  value: unknown,
): Promise<Packed | undefined> {
  const json = JSON.stringify(value ?? null);
  return json === EMPTY[field] ? undefined : pack(json, payloadOwner(ref, run), INLINE_HEAD);
}

export async function packSearchKeys(head: Pick<Head, "workspace" | "execution" | "run" | "search_keys">) {
  const json = JSON.stringify(head.search_keys);
  if (json === "{}") return {};
  if (Buffer.byteLength(json) <= INDEXED_SEARCH_KEYS) return { search_keys: { attribute: S(json) } };
  return { search_keys_packed: await pack(json, payloadOwner(head, head.run), INLINE_HEAD) };
}

/** Bytes of the history before the log. */
export const baseOf = (head: Head): number =>
  Buffer.byteLength(JSON.stringify({ first: 1, events: [startedOf(head)], append_id: head.run }));

export interface EncodedHead {
  readonly item: Item;
  readonly blobs: readonly Packed[];
}

/** The whole item. `fresh`: the head begins a chain, and the feed has not shown the start yet. */
export async function encodeHead(
  c: Pick<Context, "dueShards">,
  head: Head,
  o: { fresh?: true } = {},
): Promise<EncodedHead> {
  const pk = pkOf(head);
  const packed: Partial<Record<string, Packed>> = await packSearchKeys(head);
  for (const field of PACKED) {
    const value = await packField(head, head.run, field, head[field]);
    if (value) packed[field] = value;
  }
  const {
    registration,
    root_chain,
    display_name,
    continued_from,
    attempt,
    paced_until,
    parent,
    schedule,
    token,
    first_run,
    reset,
    limit_ms,
    trace,
    cost,
    deployment_named,
  } = head;
  const body = {
    token,
    ...(first_run !== head.run && { first_run }),
    ...(root_chain !== head.chain && { root_chain }),
    ...(display_name !== null && { display_name }),
    ...(registration !== null && { registration }),
    ...(continued_from !== null && { continued_from }),
    ...(attempt !== 1 && { attempt }),
    ...(paced_until !== null && { paced_until }),
    ...(parent !== null && { parent }),
    ...(schedule !== null && { schedule }),
    ...(reset && { reset }),
    ...(limit_ms !== undefined && { limit_ms }),
    ...(trace !== undefined && { trace }),
    ...(cost && { cost }),
    ...(deployment_named && { deployment_named }),
  };
  packed.body = await pack(JSON.stringify(body), payloadOwner(head, head.run), INLINE_HEAD);
  const item: Item = {
    pk: S(pk),
    sk: S(HEAD),
    status: S(head.status),
    run: S(head.run),
    chain: S(head.chain),
    fence: N(head.fence),
    effects_done_through: N(head.effects_done_through),
    workflow: S(head.workflow),
    deployment: S(head.deployment),
    [INDEXES.runs.partition]: S(runsShardOf(head.workspace, head.run)),
    [INDEXES.runs.sort]: N(head.started_at),
    base: N(baseOf(head)),
    ...(head.due_at !== null && dueAttributes(c, pk, head.due_at)),
    ...(head.wake_pending && { wake_pending: { BOOL: true }, wake_due_at: N(head.due_at!) }),
    ...(head.owner !== null && { owner: S(head.owner) }),
    ...(head.user !== null && { user: S(head.user) }),
    ...(head.root !== head.execution && { root: S(head.root) }),
    ...(head.closed_at !== null && { closed_at: N(head.closed_at) }),
    ...(head.deadline !== null && { deadline: N(head.deadline) }),
    ...(head.open_inputs && inputsAttributes(head, head.open_inputs)),
    ...(o.fresh && { fresh: { BOOL: true } }),
  };
  const blobs: Packed[] = [];
  for (const [name, value] of Object.entries(packed) as [string, Packed][]) {
    item[name] = value.attribute;
    blobs.push(value);
  }
  return { item, blobs };
}

export async function storeHeadBlobs(blobs: Blobs, encoded: EncodedHead): Promise<Item> {
  await upload(blobs, encoded.blobs);
  return encoded.item;
}

/** Refuses a head that a build before the first release wrote. */
export async function requireFence(item: Item): Promise<void> {
  if (number(item, "fence") === undefined) throw (await import("./early-head.ts")).earlyHead(item);
}

/** Fields that never change in a run and are left out where they have their default. */
type BodyField =
  | "first_run"
  | "root_chain"
  | "display_name"
  | "registration"
  | "continued_from"
  | "attempt"
  | "paced_until"
  | "reset"
  | "limit_ms"
  | "trace"
  | "cost"
  | "deployment_named"
  | "parent"
  | "schedule";

/** @throws Unreadable */
export async function decodeHead(blobs: Blobs, item: Item): Promise<Head> {
  if (item.fence === undefined) await requireFence(item);
  const ref = refOf(text(item, "pk")!);
  const read = async <T>(attribute: AttributeValue | undefined, empty: T): Promise<T> =>
    attribute === undefined ? empty : unpack<T>(blobs, attribute);
  type Body = Pick<Head, "token"> & Partial<Pick<Head, BodyField>>;
  const [body, input, result, failure, outbox, carried, extensions, search_keys] = await Promise.all([
    unpackText(blobs, item.body).then(storedFields<Body>),
    read<Head["input"]>(item.input, null),
    read<Head["result"]>(item.result, null),
    read<string | null>(item.failure, null),
    read<Head["outbox"]>(item.outbox, []),
    read<string[]>(item.carried, []),
    read<Head["extensions"]>(item.extensions, null),
    read<Head["search_keys"]>(item.search_keys ?? item.search_keys_packed, {}),
  ]);
  const run = text(item, "run")!;
  return storedHead({
    workspace: ref.workspace,
    execution: ref.execution,
    workflow: text(item, "workflow")!,
    registration: body.registration ?? null,
    deployment: text(item, "deployment")!,
    status: text(item, "status") as Head["status"],
    run,
    chain: text(item, "chain")!,
    root_chain: body.root_chain ?? text(item, "chain")!,
    display_name: body.display_name ?? null,
    first_run: body.first_run ?? run,
    continued_from: body.continued_from ?? null,
    attempt: body.attempt ?? 1,
    due_at: number(item, INDEXES.due.sort) ?? null,
    wake_pending: item.wake_pending?.BOOL ?? false,
    fence: number(item, "fence")!,
    effects_done_through: number(item, "effects_done_through")!,
    owner: text(item, "owner") ?? null,
    outbox,
    token: body.token,
    input,
    result,
    failure,
    carried,
    paced_until: body.paced_until ?? null,
    parent: body.parent ?? null,
    root: text(item, "root") ?? ref.execution,
    schedule: body.schedule ?? null,
    search_keys,
    user: text(item, "user") ?? null,
    extensions,
    started_at: number(item, INDEXES.runs.sort)!,
    closed_at: number(item, "closed_at") ?? null,
    deadline: number(item, "deadline") ?? null,
    ...(body.reset && { reset: body.reset }),
    ...(body.limit_ms !== undefined && { limit_ms: body.limit_ms }),
    ...(body.trace !== undefined && { trace: body.trace }),
    ...(body.deployment_named && { deployment_named: true as const }),
    ...(item.close_bytes
      ? { cost: (await import("./cost.ts")).costOf(item, body.cost) }
      : body.cost && { cost: body.cost }),
    ...(item.open_inputs && { open_inputs: JSON.parse(text(item, "open_inputs")!) as OpenInputs }),
  });
}

/** Keys of the S3 objects that hold values of the item. */
export const blobsOf = (item: Item): string[] =>
  [...PACKED, "body", "search_keys_packed"].flatMap((name) => blobOf(item[name]) ?? []);

/** The status of a tombstone, the item in the place of the head of a deleted execution (DELETE-4). It has no run. */
export const TOMBSTONE = "DELETED";
export const isTombstone = (item: Item): boolean => text(item, "status") === TOMBSTONE;

/** DynamoDB deletes an expired item days late. Readers treat it as deleted from its expiry on. */
export const isExpired = (item: Item, now: Millis): boolean => {
  const ttl = number(item, "ttl");
  return ttl !== undefined && ttl * 1000 <= now;
};
