import { expect, it } from "vitest";
import { type Frame, frames } from "./sse.ts";

async function read(...chunks: string[]): Promise<Frame[]> {
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(new TextEncoder().encode(chunk));
      controller.close();
    },
  });
  return Array.fromAsync(frames(body));
}

it("frames do not depend on how the bytes are split, even within a character", async () => {
  const text =
    'id: 7\r\ndata: {"a":"ü"}\r\n\r\n: keep-alive\r\n\r\nevent: error\rdata: x\rdata: y\r\rdata:no blank\n\n';
  const whole = await read(text);
  expect(whole).toEqual([
    { event: "", id: "7", data: '{"a":"ü"}' },
    { event: "error", id: "7", data: "x\ny" },
    { event: "", id: "7", data: "no blank" },
  ]);
  const bytes = new TextEncoder().encode(text);
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const byte of bytes) controller.enqueue(new Uint8Array([byte]));
      controller.close();
    },
  });
  expect(await Array.fromAsync(frames(body))).toEqual(whole);
});

it("an incomplete last frame is dropped: it is sent again after a reconnect", async () => {
  expect(await read("id: 1\ndata: 1\n\nid: 2\ndata: 2\n")).toEqual([{ event: "", id: "1", data: "1" }]);
});

it("a block without data is no frame, but its id counts", async () => {
  const ids: string[] = [];
  const body = new Blob(["id: 7\n\n: keep-alive\n\ndata: x\n\n"]).stream();
  const found = await Array.fromAsync(frames(body, (id) => ids.push(id)));
  expect(found).toEqual([{ event: "", id: "7", data: "x" }]);
  expect(ids).toEqual(["7", "7", "7"]);
});
