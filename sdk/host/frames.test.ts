import { PassThrough } from "node:stream";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { encodeFrame, FrameError, FrameReader, frameStream, MAX_FRAME } from "./frames.ts";

const cut = (bytes: Buffer, sizes: readonly number[]): Buffer[] => {
  const parts: Buffer[] = [];
  let at = 0;
  for (let i = 0; at < bytes.length; i++) {
    const size = sizes.length > 0 ? sizes[i % sizes.length]! : bytes.length;
    parts.push(bytes.subarray(at, at + size));
    at += size;
  }
  return parts;
};

describe("FrameReader", () => {
  test("gives back what was encoded, however the bytes are cut", () => {
    fc.assert(
      fc.property(
        fc.array(fc.dictionary(fc.string(), fc.jsonValue()), { maxLength: 8 }),
        fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 10 }),
        (values, sizes) => {
          const plain = values.map((value) => JSON.parse(JSON.stringify(value)) as object);
          const reader = new FrameReader();
          const bytes = Buffer.concat(plain.map(encodeFrame));
          const memory = Buffer.alloc(bytes.length); // used again for each part, as `pipeInput` does
          const read = cut(bytes, sizes).flatMap((part) => {
            memory.fill("#").set(part);
            return reader.push(memory.subarray(0, part.length));
          });
          expect(read).toEqual(plain);
          expect(reader.rest).toBe(0);
        },
      ),
    );
  });

  test("counts bytes, not characters", () => {
    const value = { text: "Überweisung: 10 €, 日本" };
    expect(new FrameReader().push(encodeFrame(value))).toEqual([value]);
  });

  test("refuses a length that no frame has, and says what it suspects", () => {
    const printed = Buffer.from("hello, this was printed\n");
    expect(() => new FrameReader().push(printed)).toThrow(
      /announced, the limit is 33554432: is something else written/,
    );
  });

  test("refuses what is not JSON", () => {
    const frame = encodeFrame({});
    frame.write("[}", 4);
    expect(() => new FrameReader().push(frame)).toThrow(FrameError);
  });
});

test("a frame over the limit is not sent", () => {
  expect(() => encodeFrame({ text: "x".repeat(MAX_FRAME) })).toThrow(/limit is 33554432/);
});

describe("frameStream", () => {
  function opened() {
    const input = new PassThrough();
    const output = new PassThrough();
    const taken: unknown[] = [];
    const { promise: ended, resolve } = Promise.withResolvers<Error | null>();
    const stream = frameStream(input, output, (value) => taken.push(value), resolve);
    return { input, output, taken, ended, stream };
  }

  test("an end between frames is the end of the host", async () => {
    const { input, taken, ended } = opened();
    input.end(encodeFrame({ type: "stop" }));
    expect(await ended).toBeNull();
    expect(taken).toEqual([{ type: "stop" }]);
  });

  test("an end inside a frame is an error", async () => {
    const { input, ended } = opened();
    input.end(encodeFrame({ type: "stop" }).subarray(0, 7));
    expect((await ended)?.message).toBe("the pipe ended inside a frame, 7 bytes into it");
  });

  test("a broken pipe ends it as well, once", async () => {
    const { input, output, ended } = opened();
    output.destroy(Object.assign(new Error("write EPIPE"), { code: "EPIPE" }));
    input.end();
    expect((await ended)?.message).toBe("write EPIPE");
  });

  test("nothing is taken after a frame that cannot be read", async () => {
    const { input, taken, ended } = opened();
    input.write(Buffer.from("printed"));
    input.write(encodeFrame({ type: "stop" }));
    expect(await ended).toBeInstanceOf(FrameError);
    expect(taken).toEqual([]);
  });
});
