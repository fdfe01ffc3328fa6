import { randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import type { Blobs } from "./blobs.ts";
import { blobOf, pack, stored, unpack } from "./pack.ts";

function memory(): Blobs & { objects: Map<string, Buffer> } {
  const objects = new Map<string, Buffer>();
  return {
    objects,
    put: async (key, content) => void objects.set(key, content),
    get: async (key) => objects.get(key)!,
    find: async (key) => objects.get(key) ?? null,
    delete: async (key: string) => void objects.delete(key),
    expire: async () => {},
  };
}
const where = { owner: "w/x/run", inline: 4_096 };

test.each([
  ["nothing", null],
  ["a small value", { n: 1, ü: "ß" }],
  ["a value that compresses well", { text: "again ".repeat(5_000) }],
  ["a value that does not compress", { text: randomBytes(50_000).toString("base64") }],
])("%s reads back whole", async (_, value) => {
  const blobs = memory();
  expect(await unpack(blobs, await stored(blobs, value, where))).toEqual(value);
});

test("small values stay readable, larger ones are compressed, the largest go to S3", async () => {
  const kinds = async (value: unknown) => Object.keys((await pack(JSON.stringify(value), "w", 4_096)).attribute);
  expect(await kinds({ n: 1 })).toEqual(["S"]);
  expect(await kinds({ text: "again ".repeat(500) })).toEqual(["B"]);
  expect(await kinds({ text: randomBytes(300).toString("hex") })).toEqual(["B"]);
  expect(await kinds({ text: randomBytes(9_000).toString("hex") })).toEqual(["M"]);
});

test("the same content of one owner is one object, and of two owners two", async () => {
  const blobs = memory();
  const value = randomBytes(50_000).toString("base64");
  const one = await stored(blobs, value, where);
  expect(blobOf(await stored(blobs, value, where))).toBe(blobOf(one));
  expect(blobOf(one)).toMatch(/^w\/x\/run\/[\w-]{43}$/);
  await stored(blobs, value, { ...where, owner: "w/y/run" });
  expect(blobs.objects.size).toBe(2);
});
