import fc from "fast-check";
import { expect, test } from "vitest";
import { isPlainAppend, isPlainClose } from "./plain-append.ts";
import { WORKER_ROUTES } from "./worker.ts";

const ID = "0190a000-0000-7000-8000-00000000da7a";
const scheduled = {
  id: 3,
  at: 1_700_000_000_000,
  kind: "activity_scheduled",
  activity: 2,
  name: "charge-card",
  input: { amount: 3, of: [1, null] },
  where: `local:${ID}`,
  options: {
    start_to_close_ms: 1_000,
    schedule_to_close_ms: 60_000,
    retry: { max_attempts: 0, first_ms: 100, factor: 2, max_ms: 1_000, non_retryable: [] },
  },
  decided: 2,
  code: "abc",
};
const completed = { id: 2, at: 1_700_000_000_000, kind: "activity_completed", activity: 1, name: "step", result: null };
const started = { id: 2, at: 1_700_000_000_000, kind: "timer_started", timer: 1, fire_at: 1_800_000_000_000 };
const fired = { id: 2, at: 1_700_000_000_000, kind: "timer_fired", timer: 1 };
const item = (events: object[], more: object = {}) => ({
  execution: "order-1",
  run: ID,
  chain: ID,
  fence: 3,
  batch: { first: 2, events, append_id: ID },
  taken: [],
  ...more,
});
const APPENDS = [
  { items: [item([completed, scheduled])] },
  { items: [item([completed], { look: false }), item([{ ...scheduled, where: "queue", args: true }])] },
  { items: [item([{ ...scheduled, where: "queue" }])] },
  { items: [item([started]), item([{ ...fired, decided: 1, flags: [1] }])] },
  { items: [item([fired, { ...started, decided: 2 }], { look: true, taken: ["signal#1"] })] },
];
const ended = { id: 2, at: 1_700_000_000_000, kind: "execution_completed", result: { n: [1] } };
const close = (events: object[], more: object = {}) => ({
  ...item(events),
  failure: null,
  outbox: [],
  carried: [],
  ...more,
});
const closes = [
  close([completed, { ...ended, id: 3, decided: 2, code: "abc" }], { finish: ["r1", "r2"] }),
  close([ended]),
  close([ended], { failure: "broken" }),
  close([ended], { carried: ["signal#1"] }),
  close([ended], { outbox: [{ kind: "cancel_child", execution: "x", run: ID, chain: ID, parent_run: ID }] }),
  close([{ ...ended, flags: [1] }]),
];

const appends = [
  ...APPENDS,
  { ...APPENDS[0], closes: [closes[0], closes[1]] },
  { items: [], closes: [closes[1]] },
  { items: [], closes: [closes[1], closes[2]] },
];

/** Values that stand where another one belongs. */
const ODD = [
  ...[null, true, false, 0, -0, -1, 1, 2, 1.5, 2 ** 53, -(2 ** 53), 1e300, "", "queue", "cancel", "a b", "é", "local:"],
  ...[ID, ID.toUpperCase(), `local:${ID}`, `local:${ID}x`, "00000000-0000-0000-0000-000000000000", "x".repeat(300)],
  ...[[], [1], [[]], {}, { kind: "timer_fired" }, { ...fired }, ["signal#1"]],
];

type Place = { readonly of: Record<string, unknown>; readonly key: string };
function placesIn(value: unknown): Place[] {
  if (typeof value !== "object" || value === null) return [];
  const of = value as Record<string, unknown>;
  return Object.keys(of).flatMap((key) => [{ of, key }, ...placesIn(of[key])]);
}

/** A copy of the body with one change: another value, a field more, or one less. */
const changed = (body: unknown): fc.Arbitrary<unknown> => {
  const places = placesIn(body).length;
  if (places === 0) return fc.constant(body);
  return fc
    .tuple(fc.nat(places - 1), fc.constantFrom("replace", "remove", "add"), fc.constantFrom(...ODD))
    .map(([n, change, odd]) => {
      const copy = structuredClone(body);
      const { of, key } = placesIn(copy)[n]!;
      if (change === "replace") of[key] = structuredClone(odd);
      else if (change === "add" && Array.isArray(of)) of.push(structuredClone(odd));
      else if (change === "add") of[`${key}_more`] = structuredClone(odd);
      else if (Array.isArray(of)) of.splice(Number(key), 1);
      else delete of[key];
      return copy;
    });
};

test.each([
  ["append", isPlainAppend, appends, [true, false, true, false, false, true, true, false]],
  ["close", isPlainClose, closes, [true, true, false, false, false, false]],
] as const)("the commonest bodies of %s are recognised, and only what the schema answers as it is", (...of) => {
  const [operation, isPlain, bodies, plain] = of;
  const { body: schema } = WORKER_ROUTES[operation];
  expect(bodies.map(isPlain)).toEqual(plain);
  for (const [i, body] of bodies.entries()) if (plain[i]) expect(schema.safeParse(body).success).toBe(true);
  const twice = (body: unknown) => changed(body).chain((once) => fc.oneof(fc.constant(once), changed(once)));
  let recognised = 0;
  fc.assert(
    fc.property(fc.constantFrom<unknown>(...bodies).chain(twice), (body) => {
      if (!isPlain(body)) return;
      recognised += 1;
      const parsed = schema.safeParse(body);
      expect(parsed.error).toBeUndefined();
      expect(parsed.data).toStrictEqual(body);
    }),
    { numRuns: 5_000 },
  );
  expect(recognised).toBeGreaterThan(100);
});

test("a field called __proto__ is left to the schema", () => {
  const withIt = (body: object, at: string) =>
    JSON.parse(JSON.stringify(body).replace(at, `{"__proto__":1,${at.slice(1)}`));
  for (const at of ['{"items"', '{"execution"', '{"first"', '{"id"'])
    expect(isPlainAppend(withIt({ items: [item([completed])] }, at))).toBe(false);
  for (const at of ['{"execution"', '{"first"', '{"id"']) expect(isPlainClose(withIt(close([ended]), at))).toBe(false);
});
